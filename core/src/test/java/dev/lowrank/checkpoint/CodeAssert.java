package dev.lowrank.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/// Assertions on the code of a refusal, and files made from bytes.
final class CodeAssert {
    private CodeAssert() {}

    static CheckpointException assertRefused(Code code, ThrowingCallable action) {
        var thrown = catchThrowable(action);
        assertThat(thrown).isInstanceOf(CheckpointException.class);
        var refusal = (CheckpointException) thrown;
        assertThat(refusal.code()).as(refusal.getMessage()).isEqualTo(code);
        return refusal;
    }

    static Path file(Path folder, String name, byte[] bytes) {
        try {
            return Files.write(folder.resolve(name), bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
