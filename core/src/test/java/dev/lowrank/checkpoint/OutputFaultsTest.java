package dev.lowrank.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.checkpoint.FolderVerification.Status;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import dev.lowrank.testing.disk.Fault;
import dev.lowrank.testing.disk.Fault.Operation;
import dev.lowrank.testing.disk.FaultyDisk;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.IntFunction;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Fails the first, second, third ... operation of an output until it passes, and looks at what is left.
class OutputFaultsTest {
    @TempDir
    Path root;

    private Path source;

    @BeforeEach
    void writeSource() throws IOException {
        source = Files.writeString(root.resolve("tokenizer.json"), "{\"x\":1}");
    }

    /// An output of every kind of file.
    private void make(Path out) throws IOException {
        try (var output = OutputFolder.begin(out, List.of())) {
            writeState(output.workFolder().resolve("state"));
            var weight = HostTensor.ofFloats(new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
            var entries = List.of(new SafetensorsWriter.Entry("w", DType.F32, Shape.of(2, 3)));
            try (var writer = output.safetensors("model.safetensors", entries)) {
                writer.write("w", weight);
                writer.finish();
            }
            output.write("code/modeling.py", "pass".getBytes(StandardCharsets.UTF_8));
            output.copy(source);
            output.commit(Json.object().put("seed", 7));
        }
    }

    private static void writeState(Path file) {
        try {
            Files.writeString(file, "temporary");
        } catch (IOException failure) {
            throw OutputFolder.failure(file, failure);
        }
    }

    /// @return how many of the fault's operations there were before it passed
    private int failUntilItPasses(IntFunction<Fault> fault, Code code) throws IOException {
        for (var at = 1; ; at++) {
            var out = root.resolve("out-" + at);
            var disk = new FaultyDisk(fault.apply(at));
            CheckpointException refusal = null;
            try {
                make(disk.at(out));
            } catch (CheckpointException thrown) {
                refusal = thrown;
            }
            if (refusal == null) {
                // The JDK itself tries again to make a folder, so a fault may pass unseen, but then all is there.
                assertThat(FolderVerification.verify(out).status()).isEqualTo(Status.INTACT);
            } else {
                assertThat(refusal.code()).as(refusal.getMessage()).isEqualTo(code);
                assertThat(refusal).hasMessageContaining(root.toString());
                assertNothingHalfWritten(out);
            }
            if (!disk.struck()) {
                return at - 1;
            }
            if (!Files.exists(out)) {
                make(out); // the same again, once the disk is well
            }
            assertThat(FolderVerification.verify(out).status()).isEqualTo(Status.INTACT);
            assertThat(FolderVerification.verify(out).extra()).isEmpty();
            assertThat(out.resolveSibling(out.getFileName() + ".partial")).doesNotExist();
        }
    }

    private static void assertNothingHalfWritten(Path out) {
        if (Files.exists(out)) {
            assertThat(FolderVerification.verify(out).status()).isEqualTo(Status.INTACT);
        }
    }

    @Test
    void diskThatIsFullAtAnyWriteIsToldAndTheRunContinues() throws IOException {
        assertThat(failUntilItPasses(at -> Fault.full(Operation.WRITE, at), Code.OUT_NO_SPACE))
                .isGreaterThan(5);
    }

    @Test
    void diskWithoutRoomForANewNameIsToldToo() throws IOException {
        assertThat(failUntilItPasses(at -> Fault.full(Operation.CREATE, at), Code.OUT_NO_SPACE))
                .isGreaterThan(5);
    }

    @ParameterizedTest
    @EnumSource
    void hardwareErrorAtAnyOperationIsToldAndTheRunContinues(Operation operation) throws IOException {
        assertThat(failUntilItPasses(at -> Fault.broken(operation, at), Code.OUT_FAILED))
                .isPositive();
    }

    @Test
    void writerThatCannotWriteItsHeaderLeavesNoFile() throws IOException {
        var disk = new FaultyDisk(Fault.full(Operation.WRITE, 1));
        var path = root.resolve("model.safetensors");
        var entries = List.of(new SafetensorsWriter.Entry("w", DType.F32, Shape.of(1)));
        CodeAssert.assertRefused(Code.OUT_NO_SPACE, () -> SafetensorsWriter.create(disk.at(path), entries));
        try (var files = Files.list(root)) {
            assertThat(files).containsExactly(source);
        }
    }
}
