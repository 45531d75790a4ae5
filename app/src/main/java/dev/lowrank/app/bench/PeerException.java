package dev.lowrank.app.bench;

/// A peer could not be run, or answered something else than a measurement. The message says what was found
/// and what to do.
public final class PeerException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    PeerException(String message) {
        super(message);
    }

    PeerException(String message, Throwable cause) {
        super(message, cause);
    }
}
