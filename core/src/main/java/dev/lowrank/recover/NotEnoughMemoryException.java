package dev.lowrank.recover;

/// A bound on memory that is too small for the work: what is needed at least, and what could be given up.
public final class NotEnoughMemoryException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /// @param message what is needed, what was allowed, what to do
    public NotEnoughMemoryException(String message) {
        super(message);
    }
}
