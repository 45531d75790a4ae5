package dev.lowrank.checkpoint;

import static dev.lowrank.checkpoint.CodeAssert.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.checkpoint.FolderVerification.Status;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutputFolderTest {
    @TempDir
    Path root;

    private Path out() {
        return root.resolve("out");
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private void finish() throws IOException {
        var source = Files.writeString(root.resolve("tokenizer.json"), "{\"x\":1}");
        try (var output = OutputFolder.begin(out(), List.of())) {
            output.write("config.json", bytes("{}"));
            output.write("code/modeling.py", bytes("pass"));
            output.copy(source);
            Files.write(output.workFolder().resolve("state"), bytes("temporary"));
            output.commit(Json.object().put("seed", 7));
        }
    }

    @Test
    void committedFolderAppearsWholeAndVerifies() throws IOException {
        finish();
        assertThat(FolderFiles.list(out()).keySet())
                .containsExactly("code/modeling.py", "config.json", "lowrank.json", "tokenizer.json");
        assertThat(root.resolve("out.partial")).doesNotExist();
        var verification = FolderVerification.verify(out());
        assertThat(verification.status()).isEqualTo(Status.INTACT);
        assertThat(verification.ok()).containsExactly("code/modeling.py", "config.json", "tokenizer.json");
        var manifest = Manifest.read(out());
        assertThat(manifest.run().get("seed").intValue()).isEqualTo(7);
        // sha256 of "{}" as sha256sum prints it
        assertThat(manifest.files())
                .contains(new ManifestFile(
                        "config.json", 2, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"));
    }

    @Test
    void verificationTellsMissingChangedAndExtraFiles() throws IOException {
        finish();
        Files.delete(out().resolve("config.json"));
        Files.write(out().resolve("tokenizer.json"), bytes("{\"x\":2}"));
        Files.write(out().resolve("more.txt"), bytes("x"));
        var verification = FolderVerification.verify(out());
        assertThat(verification.status()).isEqualTo(Status.DAMAGED);
        assertThat(verification.missing()).containsExactly("config.json");
        assertThat(verification.changed()).containsExactly("tokenizer.json");
        assertThat(verification.extra()).containsExactly("more.txt");
    }

    @Test
    void folderWithoutOrWithTornManifestIsIncomplete() throws IOException {
        finish();
        var manifest = out().resolve("lowrank.json");
        var whole = Files.readAllBytes(manifest);
        for (var length : new int[] {0, 1, whole.length / 2}) {
            Files.write(manifest, Arrays.copyOf(whole, length));
            assertThat(FolderVerification.verify(out()).status()).isEqualTo(Status.INCOMPLETE);
        }
        Files.delete(manifest);
        assertThat(FolderVerification.verify(out()).status()).isEqualTo(Status.INCOMPLETE);
    }

    @Test
    void manifestThatNamesFilesElsewhereIsRefused() throws IOException {
        finish();
        var manifest = out().resolve("lowrank.json");
        Files.writeString(manifest, Files.readString(manifest).replace("config.json", "../tokenizer.json"));
        assertRefused(Code.PATH_ESCAPE, () -> FolderVerification.verify(out()));
    }

    @Test
    void unfinishedWorkStaysAndIsResumed() throws IOException {
        try (var output = OutputFolder.begin(out(), List.of())) {
            assertThat(output.resumed()).isFalse();
            output.write("model-00001-of-00002.safetensors", bytes("one"));
            Files.write(output.folder().resolve("model-00002-of-00002.safetensors.writing"), bytes("torn"));
        }
        assertThat(out()).doesNotExist();
        assertRefused(Code.INCOMPLETE, () -> Checkpoint.open(root.resolve("out.partial")));
        try (var output = OutputFolder.begin(out(), List.of())) {
            assertThat(output.resumed()).isTrue();
            assertThat(output.folder().resolve("model-00001-of-00002.safetensors"))
                    .hasContent("one");
            assertThat(output.folder().resolve("model-00002-of-00002.safetensors.writing"))
                    .doesNotExist();
            output.commit(Json.object());
        }
        assertThat(FolderVerification.verify(out()).ok()).containsExactly("model-00001-of-00002.safetensors");
    }

    @Test
    void manifestLeftByAKillBeforeTheRenameIsWrittenAgain() throws IOException {
        try (var output = OutputFolder.begin(out(), List.of())) {
            output.write("config.json", bytes("{}"));
            output.write(Manifest.FILE_NAME, bytes("{}"));
        }
        try (var output = OutputFolder.begin(out(), List.of())) {
            assertThat(output.folder().resolve(Manifest.FILE_NAME)).doesNotExist();
            output.commit(Json.object());
        }
        assertThat(FolderVerification.verify(out()).status()).isEqualTo(Status.INTACT);
    }

    @Test
    void existingOutputIsRefused() throws IOException {
        Files.createDirectories(out());
        assertRefused(Code.OUT_EXISTS, () -> OutputFolder.begin(out(), List.of()));
        Files.delete(out());
        Files.createSymbolicLink(out(), root.resolve("dangling"));
        assertRefused(Code.OUT_EXISTS, () -> OutputFolder.begin(out(), List.of()));
    }

    @Test
    void outputInsideAnInputIsRefused() throws IOException {
        var input = Files.createDirectories(root.resolve("model"));
        Files.createSymbolicLink(root.resolve("link"), input);
        assertRefused(Code.OUT_IN_INPUT, () -> OutputFolder.begin(input, List.of(input)));
        assertRefused(Code.OUT_IN_INPUT, () -> OutputFolder.begin(input.resolve("out"), List.of(input)));
        assertRefused(Code.OUT_IN_INPUT, () -> OutputFolder.begin(root.resolve("link/out"), List.of(input)));
        assertRefused(Code.OUT_IN_INPUT, () -> OutputFolder.begin(input.resolve("out"), List.of(root.resolve("link"))));
        OutputFolder.begin(root.resolve("model-small"), List.of(input)).close();
    }

    @Test
    void secondWriterIsLockedOut() {
        try (var first = OutputFolder.begin(out(), List.of())) {
            assertThat(first.resumed()).isFalse();
            assertRefused(Code.OUT_LOCKED, () -> OutputFolder.begin(out(), List.of()));
        }
        OutputFolder.begin(out(), List.of()).close();
    }

    @Test
    void writerInAnotherProcessLocksUsOutUntilItDies() throws Exception {
        var holder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        LockHolder.class.getName(),
                        out().toString())
                .redirectErrorStream(true)
                .start();
        try (var lines = holder.inputReader(StandardCharsets.UTF_8)) {
            assertThat(lines.readLine()).isEqualTo("held");
            assertRefused(Code.OUT_LOCKED, () -> OutputFolder.begin(out(), List.of()));
        } finally {
            holder.destroyForcibly();
            assertThat(holder.waitFor(10, TimeUnit.SECONDS)).isTrue();
        }
        OutputFolder.begin(out(), List.of()).close();
    }

    @Test
    void discardRemovesEverything() throws IOException {
        try (var output = OutputFolder.begin(out(), List.of())) {
            output.write("a/b", bytes("x"));
            output.discard();
        }
        try (var files = Files.list(root)) {
            assertThat(files).isEmpty();
        }
    }

    @Test
    void moreThanTheDiskHoldsIsRefusedBefore() {
        try (var output = OutputFolder.begin(out(), List.of())) {
            output.requireSpace(1);
            var refusal = assertRefused(Code.OUT_NO_SPACE, () -> output.requireSpace(Long.MAX_VALUE / 2));
            assertThat(refusal).hasMessageContaining("bytes needed").hasMessageContaining("bytes free");
        }
    }

    @Test
    void fullDiskIsToldFromABrokenOne() {
        var full = DiskErrors.translate(out(), 5, new IOException("No space left on device"));
        assertThat(full.code()).isEqualTo(Code.OUT_NO_SPACE);
        assertThat(full).hasMessageContaining("5 bytes needed");
        var broken = DiskErrors.translate(out(), 5, new IOException("Input/output error"));
        assertThat(broken.code()).isEqualTo(Code.OUT_FAILED);
        var forbidden = DiskErrors.translate(out(), 5, new AccessDeniedException(out().toString()));
        assertThat(forbidden.code()).isEqualTo(Code.IO_FAILED);
    }

    @Test
    void namesThatLeaveTheFolderAreRefused() {
        try (var output = OutputFolder.begin(out(), List.of())) {
            assertRefused(Code.PATH_ESCAPE, () -> output.write("../x", bytes("x")));
            assertRefused(Code.PATH_ESCAPE, () -> output.write("a/../../x", bytes("x")));
            assertRefused(Code.PATH_BAD, () -> output.write("", bytes("x")));
        }
    }
}
