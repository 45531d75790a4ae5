package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.compress.allocate.UnspendableBudgetException;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.text.TextException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class FailureTest {
    static Stream<Arguments> exceptions() {
        return Stream.of(
                Arguments.of(new IllegalStateException("x"), 1),
                Arguments.of(new IllegalArgumentException("x"), 1),
                Arguments.of(new CommandException(ExitCode.USAGE, "x", "y"), 2),
                Arguments.of(checkpoint(CheckpointException.Code.OUT_EXISTS), 2),
                Arguments.of(checkpoint(CheckpointException.Code.OUT_IN_INPUT), 2),
                Arguments.of(new CommandException(ExitCode.RECIPE, "x", "y"), 3),
                Arguments.of(checkpoint(CheckpointException.Code.ST_TRUNCATED), 4),
                Arguments.of(checkpoint(CheckpointException.Code.CFG_UNSUPPORTED), 4),
                Arguments.of(new TextException(TextException.Code.DATA_SHORT, "a.txt", "x"), 4),
                Arguments.of(new NoSuchFileException("a"), 4),
                Arguments.of(new AccessDeniedException("a"), 4),
                Arguments.of(new UncheckedIOException(new NoSuchFileException("a")), 4),
                Arguments.of(new IOException("No space left on device"), 5),
                Arguments.of(checkpoint(CheckpointException.Code.OUT_NO_SPACE), 5),
                Arguments.of(checkpoint(CheckpointException.Code.OUT_FAILED), 5),
                Arguments.of(new OutOfMemoryError("Java heap space"), 5),
                Arguments.of(new NumericalException(NumericalException.Kind.NON_FINITE, "layer 3", "NaN"), 6),
                Arguments.of(checkpoint(CheckpointException.Code.NUM_NONFINITE), 6),
                Arguments.of(new CommandException(ExitCode.QUALITY, "x", "y"), 7),
                Arguments.of(new CommandException(ExitCode.NETWORK, "x", "y"), 8),
                Arguments.of(new InterruptedException(), 9));
    }

    private static CheckpointException checkpoint(CheckpointException.Code code) {
        return new CheckpointException(code, Path.of("model.safetensors"), "x");
    }

    @ParameterizedTest
    @MethodSource("exceptions")
    void eachKindOfExceptionHasItsExitCode(Throwable thrown, int code) {
        assertThat(Failure.of(thrown).code().number()).isEqualTo(code);
    }

    @Test
    void everyExitCodeOfTheContractHasOneNumber() {
        assertThat(ExitCode.values()).extracting(ExitCode::number).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    }

    @Test
    void anInternalFaultAsksForAReport() {
        var failure = Failure.of(new IllegalStateException("index 3"));
        assertThat(failure.fact()).contains("IllegalStateException").contains("index 3");
        assertThat(failure.remedy()).contains("--debug");
    }

    @Test
    void aBudgetThatTheRunCannotMeetIsTheRecipesFault() {
        var failure = Failure.of(new UnspendableBudgetException("The budget of 3 bytes is below 7", new Exception()));
        assertThat(failure.code()).isEqualTo(ExitCode.RECIPE);
        assertThat(failure.fact()).contains("below 7");
    }
}
