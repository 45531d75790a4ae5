package dev.lowrank.evaluate.sandbox;

/// No sandbox, or none that holds what it promises: what is missing and how to get it. Generated programs
/// are then not run at all.
public final class SandboxUnavailableException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /// @param message what is missing and what to do
    public SandboxUnavailableException(String message) {
        super(message);
    }

    /// @param message what is missing and what to do
    /// @param cause what the system said
    public SandboxUnavailableException(String message, Throwable cause) {
        super(message, cause);
    }
}
