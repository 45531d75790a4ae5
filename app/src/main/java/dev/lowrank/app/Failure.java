package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.app.bench.PeerException;
import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.compress.BoundMissedException;
import dev.lowrank.compress.allocate.UnspendableBudgetException;
import dev.lowrank.evaluate.sandbox.SandboxUnavailableException;
import dev.lowrank.evaluate.task.TaskException;
import dev.lowrank.recover.NotEnoughMemoryException;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.tensor.TensorException;
import dev.lowrank.text.TextException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// What went wrong, as a user reads it. The only mapping from exceptions to exit codes.
///
/// @param code exit code
/// @param fact one sentence: the thing, what was found, what was expected
/// @param remedy one sentence: what to do; empty when the fact says it
record Failure(ExitCode code, String fact, String remedy) {

    /// The document of a failed command with `--json`.
    record Document(@JsonProperty("error") Cause error) {
        /// @param exitCode exit code
        /// @param message the fact
        /// @param remedy what to do
        record Cause(
                @JsonProperty("exit_code") int exitCode,
                @JsonProperty("message") String message,
                @JsonProperty("remedy") String remedy) {}
    }

    Document document() {
        return new Document(new Document.Cause(code.number(), fact, remedy));
    }

    /// Finds the exit code and the words for an exception.
    static Failure of(Throwable thrown) {
        return switch (thrown) {
            case CommandException command -> new Failure(command.code(), message(command), command.remedy());
            case UncheckedIOException unchecked when unchecked.getCause() != null -> of(unchecked.getCause());
            case CheckpointException checkpoint -> ofCheckpoint(checkpoint);
            case SandboxUnavailableException sandbox -> new Failure(ExitCode.INPUT, message(sandbox), "");
            case TaskException task -> new Failure(ExitCode.INPUT, message(task) + ".", "");
            case PeerException peer -> new Failure(ExitCode.INPUT, message(peer), "");
            case TextException text -> new Failure(ExitCode.INPUT, message(text), "");
            case NumericalException numerical -> new Failure(ExitCode.NUMERICAL, message(numerical), "");
            case BoundMissedException missed -> new Failure(ExitCode.QUALITY, message(missed), "");
            case UnspendableBudgetException unmet -> new Failure(ExitCode.RECIPE, message(unmet), "");
            case NotEnoughMemoryException tight -> new Failure(ExitCode.RESOURCES, message(tight), "");
            case TensorException tensor when tensor.outOfMemory() -> memory(tensor);
            case IOException io -> ofIo(io);
            case OutOfMemoryError memory -> memory(memory);
            case InterruptedException _ ->
                new Failure(ExitCode.INTERRUPTED, "Interrupted.", "Run the same command again to continue.");
            default -> internal(thrown);
        };
    }

    private static Failure memory(Throwable thrown) {
        return new Failure(
                ExitCode.RESOURCES,
                "Memory ran out: " + message(thrown),
                "Use a smaller --window or fewer --samples. If the message names the Java heap, set"
                        + " LOWRANK_JAVA_OPTS=-Xmx2g.");
    }

    private static Failure ofCheckpoint(CheckpointException broken) {
        var code = switch (broken.code()) {
            case OUT_EXISTS, OUT_IN_INPUT, RESUME_FINGERPRINT -> ExitCode.USAGE;
            case OUT_NO_SPACE, OUT_FAILED -> ExitCode.RESOURCES;
            case NUM_NONFINITE -> ExitCode.NUMERICAL;
            default -> ExitCode.INPUT;
        };
        return new Failure(code, message(broken), "");
    }

    private static Failure ofIo(IOException io) {
        if (isDiskFull(io.getMessage())) {
            return new Failure(
                    ExitCode.RESOURCES, "The disk is full: " + message(io) + ".", "Free some space and retry.");
        }
        return switch (io) {
            case NoSuchFileException missing -> input(missing, "does not exist", "Check the path.");
            case FileNotFoundException missing ->
                new Failure(ExitCode.INPUT, "A file cannot be opened: " + message(missing) + ".", "Check the path.");
            case AccessDeniedException denied ->
                input(denied, "may not be accessed by this user", "Change its permissions or choose another path.");
            case FileAlreadyExistsException existing ->
                input(existing, "exists already", "Remove it or choose another path.");
            case NotDirectoryException file -> input(file, "is not a folder", "Check the path.");
            default -> new Failure(ExitCode.INPUT, "Reading or writing failed: " + message(io) + ".", "");
        };
    }

    private static Failure input(FileSystemException problem, String what, String remedy) {
        return new Failure(ExitCode.INPUT, problem.getFile() + " " + what + ".", remedy);
    }

    private static boolean isDiskFull(@Nullable String message) {
        var text = message == null ? "" : message.toLowerCase(Locale.ROOT);
        return text.contains("no space left") || text.contains("disk quota exceeded");
    }

    private static Failure internal(Throwable thrown) {
        var name = thrown.getClass().getSimpleName();
        return new Failure(
                ExitCode.INTERNAL,
                "Lowrank itself failed: " + (thrown.getMessage() == null ? name : name + ": " + thrown.getMessage()),
                "This is a bug. Run the command with --debug and report what it prints.");
    }

    private static String message(Throwable thrown) {
        var message = thrown.getMessage();
        return message == null ? thrown.getClass().getSimpleName() : message;
    }
}
