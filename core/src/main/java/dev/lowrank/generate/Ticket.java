package dev.lowrank.generate;

/// A submission that can be taken back.
public final class Ticket {
    private final Runnable wake;
    private volatile boolean cancelled;

    /// @param wake makes the engine look
    Ticket(Runnable wake) {
        this.wake = wake;
    }

    /// Ends the work within a token and frees its memory; nothing comes of it any more. Does nothing the
    /// second time or when the work is done.
    public void cancel() {
        cancelled = true;
        wake.run();
    }

    boolean isCancelled() {
        return cancelled;
    }
}
