package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.checkpoint.FolderVerification;
import dev.lowrank.checkpoint.FolderVerification.Status;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.testing.CompressedForm;
import dev.lowrank.testing.disk.Fault;
import dev.lowrank.testing.disk.Fault.Operation;
import dev.lowrank.testing.disk.FaultyDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Compressions on a disk that fails somewhere: told as what it is, and the next run ends in the same
/// bytes.
class CompressionFaultsTest {
    private static final double KEEP = 0.7;

    /// Places of each kind of fault in a run, each a whole run; `OutputFaultsTest` tries every place.
    private static final int PLACES = 3;

    @TempDir
    Path root;

    private LanguageModel source;
    private FaultyDisk sound;
    private TreeMap<String, byte[]> expected;

    @BeforeEach
    void compressOnASoundDisk() throws IOException {
        source = LanguageModel.open(Path.of("src/test/resources/golden/models/llama-gqa-tied"));
        sound = new FaultyDisk(Fault.none());
        var folder = Files.createDirectory(root.resolve("sound"));
        CompressedForm.PIVOTED_BIASED.write(source, KEEP, sound.at(folder.resolve("model")));
        expected = files(folder.resolve("model"));
        assertThat(expected).containsKeys("config.json", "model.safetensors", "README.md", "lowrank.json");
    }

    @AfterEach
    void closeSource() {
        source.close();
    }

    @ParameterizedTest
    @EnumSource
    void hardwareErrorLeavesWhatTheNextRunContinues(Operation operation) throws IOException {
        var count = sound.count(operation);
        assertThat(count).isPositive();
        for (var place = 0; place < PLACES; place++) {
            var last = count - place * count / PLACES;
            failAndContinue(Fault.broken(operation, last), Code.OUT_FAILED);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"WRITE", "CREATE"})
    void fullDiskLeavesWhatTheNextRunContinues(Operation operation) throws IOException {
        var count = sound.count(operation);
        for (var place = 1; place <= PLACES; place++) {
            failAndContinue(Fault.full(operation, place * count / (PLACES + 1)), Code.OUT_NO_SPACE);
        }
    }

    private void failAndContinue(Fault fault, Code code) throws IOException {
        var name = fault.operation() + "-" + fault.at() + "-" + code;
        var output = Files.createDirectory(root.resolve(name)).resolve("model");
        var disk = new FaultyDisk(fault);
        try {
            CompressedForm.PIVOTED_BIASED.write(source, KEEP, disk.at(output));
        } catch (CheckpointException told) {
            assertThat(told.code()).as(name).isEqualTo(code);
        }
        assertThat(disk.struck()).as(name).isTrue();
        if (!Files.exists(output)) {
            CompressedForm.PIVOTED_BIASED.write(source, KEEP, output);
        }
        assertThat(FolderVerification.verify(output).status()).as(name).isEqualTo(Status.INTACT);
        assertThat(files(output)).as(name).containsExactlyEntriesOf(expected);
        assertThat(output.resolveSibling("model.partial")).as(name).doesNotExist();
    }

    /// Every file but the lock, which an error after the last rename leaves behind.
    private static TreeMap<String, byte[]> files(Path folder) throws IOException {
        var files = new TreeMap<String, byte[]>();
        try (var found = Files.walk(folder)) {
            for (var file : found.filter(Files::isRegularFile).toList()) {
                var name = folder.relativize(file).toString();
                if (!name.equals(".lowrank.lock")) {
                    files.put(name, Files.readAllBytes(file));
                }
            }
        }
        return files;
    }
}
