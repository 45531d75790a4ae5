package dev.lowrank.compress.allocate;

/// What was asked for cannot be met by what was measured: found out only in the middle of a run.
public final class UnspendableBudgetException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /// @param message names the amount or the site, and what to do
    /// @param cause where it came up
    public UnspendableBudgetException(String message, Throwable cause) {
        super(message, cause);
    }
}
