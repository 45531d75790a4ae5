package dev.lowrank.evaluate.task;

/// A task, or its data, that cannot be used. The message says what was found, what was expected and what to
/// do.
public final class TaskException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TaskException(String message) {
        super(message);
    }

    TaskException(String message, Throwable cause) {
        super(message, cause);
    }
}
