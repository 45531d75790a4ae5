package dev.lowrank.compress;

/// Nothing that could be written is within the bound that was asked for, not even the model with nothing
/// cut.
public final class BoundMissedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /// @param message what was found, what was allowed, what to do
    public BoundMissedException(String message) {
        super(message);
    }
}
