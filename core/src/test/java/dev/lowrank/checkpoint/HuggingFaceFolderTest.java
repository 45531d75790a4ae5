package dev.lowrank.checkpoint;

import static dev.lowrank.checkpoint.CodeAssert.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.checkpoint.SafetensorsWriter.Entry;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HuggingFaceFolderTest {
    private static final String FIRST = WeightIndex.shardName(1, 2);
    private static final String SECOND = WeightIndex.shardName(2, 2);

    @TempDir
    Path root;

    private Path folder;

    @BeforeEach
    void makeFolder() throws IOException {
        folder = Files.createDirectories(root.resolve("model"));
    }

    private void write(String name, String text) throws IOException {
        Files.writeString(folder.resolve(name), text);
    }

    private void config() throws IOException {
        write("config.json", "{\"model_type\": \"llama\"}");
    }

    private static void weights(Path path, String... names) {
        var entries = new ArrayList<Entry>();
        for (var name : names) {
            entries.add(new Entry(name, DType.F32, Shape.of(1)));
        }
        try (var writer = SafetensorsWriter.create(path, entries)) {
            for (var name : names) {
                writer.write(name, HostTensor.ofFloats(new float[] {name.hashCode()}, 1));
            }
            writer.finish();
        }
    }

    private void index(long total, Map<String, String> files) throws IOException {
        Files.write(folder.resolve(WeightIndex.FILE_NAME), new WeightIndex(files, total).toBytes());
    }

    private void twoShards() throws IOException {
        config();
        weights(folder.resolve(FIRST), "a", "b");
        weights(folder.resolve(SECOND), "c");
        index(12, Map.of("a", FIRST, "b", FIRST, "c", SECOND));
    }

    private CheckpointException refused(Code code) {
        return assertRefused(code, () -> Checkpoint.open(folder));
    }

    @Test
    void singleFileIsRead() throws IOException {
        config();
        weights(folder.resolve("model.safetensors"), "b", "a");
        write("tokenizer.json", "{}");
        write("tokenizer_config.json", "{}");
        write("merges.txt", "");
        write("notes.txt", "");
        try (var checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.names()).containsExactly("a", "b");
            assertThat(checkpoint.read("a").toFloats()).containsExactly("a".hashCode());
            assertThat(checkpoint.info("a").storedType()).isEqualTo("F32");
            assertThat(checkpoint.weightBytes()).isEqualTo(Files.size(folder.resolve("model.safetensors")));
            assertThat(checkpoint.sidecars())
                    .extracting(p -> String.valueOf(p.getFileName()))
                    .containsExactly("merges.txt", "tokenizer.json", "tokenizer_config.json");
            assertRefused(Code.NO_SUCH_TENSOR, () -> checkpoint.read("z"));
        }
    }

    @Test
    void shardsAreReadThroughTheirIndex() throws IOException {
        twoShards();
        try (var checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.names()).containsExactly("a", "b", "c");
            assertThat(checkpoint.read("c").toFloats()).containsExactly("c".hashCode());
        }
    }

    @Test
    void closedCheckpointSaysSo() throws IOException {
        twoShards();
        var checkpoint = Checkpoint.open(folder);
        checkpoint.close();
        assertThatThrownBy(() -> checkpoint.read("a"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
    }

    @Test
    void missingFolderConfigAndWeightsAreToldApart() throws IOException {
        assertRefused(Code.IO_NOT_FOUND, () -> Checkpoint.open(root.resolve("nothing")));
        refused(Code.NO_WEIGHTS);
        weights(folder.resolve("model.safetensors"), "a");
        refused(Code.CFG_MISSING);
        assertRefused(Code.CFG_MISSING, () -> Checkpoint.open(folder.resolve("model.safetensors")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"pytorch_model.bin", "model.pt", "model.ckpt", "tf_model.h5"})
    void picklesAreRefusedUnopened(String name) throws IOException {
        config();
        write(name, "not even a pickle");
        assertThat(refused(Code.CFG_PICKLE_REFUSED)).hasMessageContaining("safetensors");
        assertRefused(Code.CFG_PICKLE_REFUSED, () -> Checkpoint.open(folder.resolve(name)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../../other/model.safetensors",
                "/etc/passwd",
                "a/../../x",
                "..\\\\x",
                "C:\\\\x",
                "%2e%2e/x",
                ".."
            })
    void shardOutsideTheFolderIsRefused(String name) throws IOException {
        config();
        write(WeightIndex.FILE_NAME, "{\"weight_map\":{\"a\":\"" + name + "\"}}");
        refused(Code.PATH_ESCAPE);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\\u0000", "a b", "~"})
    void shardNameOfOtherCharactersIsRefused(String name) throws IOException {
        config();
        write(WeightIndex.FILE_NAME, "{\"weight_map\":{\"a\":\"" + name + "\"}}");
        refused(Code.PATH_BAD);
        write(WeightIndex.FILE_NAME, "{\"weight_map\":{\"a\":\"" + "x".repeat(5000) + "\"}}");
        refused(Code.PATH_BAD);
    }

    @Test
    void linksStayInsideTheFolder() throws IOException {
        config();
        weights(root.resolve("outside.safetensors"), "a");
        var link = folder.resolve("model.safetensors");
        Files.createSymbolicLink(link, root.resolve("outside.safetensors"));
        refused(Code.PATH_ESCAPE);
        Files.delete(link);
        Files.createSymbolicLink(link, Path.of("model.safetensors"));
        refused(Code.PATH_LOOP);
        Files.delete(link);
        weights(folder.resolve("inside"), "a");
        Files.createSymbolicLink(link, Path.of("inside"));
        Checkpoint.open(folder).close();
    }

    @Test
    void snapshotOfTheHubCacheLinksToItsBlobs() throws IOException {
        var repository = Files.createDirectories(root.resolve("hub/models--org--name"));
        var blobs = Files.createDirectories(repository.resolve("blobs"));
        folder = Files.createDirectories(repository.resolve("snapshots/0123"));
        weights(blobs.resolve("w"), "a");
        Files.writeString(blobs.resolve("c"), "{\"model_type\":\"llama\"}");
        Files.createSymbolicLink(folder.resolve("model.safetensors"), Path.of("../../blobs/w"));
        Files.createSymbolicLink(folder.resolve("config.json"), Path.of("../../blobs/c"));
        try (var checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.names()).containsExactly("a");
        }
        weights(root.resolve("hub/other"), "a");
        Files.delete(folder.resolve("model.safetensors"));
        Files.createSymbolicLink(folder.resolve("model.safetensors"), Path.of("../../../other"));
        refused(Code.PATH_ESCAPE);
    }

    @Test
    void pipesAndFoldersAreNotOpened() throws Exception {
        config();
        Files.createDirectories(folder.resolve("model.safetensors"));
        refused(Code.PATH_NOT_REGULAR);
        Files.delete(folder.resolve("model.safetensors"));
        var made =
                new ProcessBuilder("mkfifo", folder.resolve("model.safetensors").toString()).start();
        Assumptions.assumeTrue(made.waitFor(5, TimeUnit.SECONDS) && made.exitValue() == 0, "mkfifo is not here");
        Assertions.assertTimeoutPreemptively(Duration.ofSeconds(5), () -> refused(Code.PATH_NOT_REGULAR));
    }

    @Test
    void indexThatDiffersFromItsShardsIsRefused() throws IOException {
        twoShards();
        index(13, Map.of("a", FIRST, "b", FIRST, "c", SECOND));
        refused(Code.IDX_MISMATCH);
        index(12, Map.of("a", FIRST, "b", FIRST, "c", SECOND, "d", SECOND));
        assertThat(refused(Code.IDX_MISMATCH)).hasMessageContaining("d");
        index(12, Map.of("a", FIRST, "c", SECOND));
        assertThat(refused(Code.IDX_MISMATCH)).hasMessageContaining("b");
        index(12, Map.of("a", FIRST, "b", FIRST, "c", "model-3.safetensors"));
        assertThat(refused(Code.IDX_MISMATCH)).hasMessageContaining("model-3.safetensors");
        weights(folder.resolve(SECOND), "c", "a");
        index(16, Map.of("a", FIRST, "b", FIRST, "c", SECOND));
        assertThat(refused(Code.IDX_MISMATCH)).hasMessageContaining("two shards");
    }

    @Test
    void atMostTwentyNamesAreListed() throws IOException {
        twoShards();
        var files = new TreeMap<>(Map.of("a", FIRST, "b", FIRST, "c", SECOND));
        for (var i = 0; i < 50; i++) {
            files.put("missing" + i, SECOND);
        }
        index(12, files);
        assertThat(refused(Code.IDX_MISMATCH))
                .hasMessageContaining("50 tensors")
                .hasMessageContaining("30 more");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[]",
                "{",
                "{}",
                "{\"weight_map\":[]}",
                "{\"weight_map\":{\"a\":1}}",
                "{\"weight_map\":{\"a\":\"x\",\"a\":\"x\"}}"
            })
    void malformedIndexIsRefused(String text) throws IOException {
        config();
        write(WeightIndex.FILE_NAME, text);
        refused(Code.IDX_BAD);
    }

    @Test
    void hugeIndexIsRefused() throws IOException {
        config();
        var text = new StringBuilder("{\"weight_map\":{");
        for (var i = 0; i <= 500_000; i++) {
            text.append(i == 0 ? "" : ",").append('"').append(i).append("\":\"x\"");
        }
        write(WeightIndex.FILE_NAME, text.append("}}").toString());
        refused(Code.IDX_LIMIT);
    }

    @Test
    void truncatedShardIsRefused() throws IOException {
        twoShards();
        var bytes = Files.readAllBytes(folder.resolve(SECOND));
        Files.write(folder.resolve(SECOND), Arrays.copyOf(bytes, bytes.length - 1));
        refused(Code.ST_TRUNCATED);
    }

    @Test
    void unfinishedOutputIsRefused() throws IOException {
        twoShards();
        write("config.json", "{\"model_type\":\"llama\",\"lowrank\":{\"version\":1}}");
        refused(Code.INCOMPLETE);
    }

    @Test
    void quantisedWeightsAreRefused() throws IOException {
        twoShards();
        write("config.json", "{\"model_type\":\"llama\",\"quantization_config\":{\"quant_method\":\"gptq\"}}");
        assertThat(refused(Code.CFG_UNSUPPORTED)).hasMessageContaining("gptq");
    }

    @Test
    void codeNamedByTheConfigIsIgnored() throws IOException {
        twoShards();
        write(
                "config.json",
                "{\"model_type\":\"llama\",\"auto_map\":{\"AutoModel\":\"evil.Evil\"},"
                        + "\"trust_remote_code\":true}");
        Checkpoint.open(folder).close();
    }
}
