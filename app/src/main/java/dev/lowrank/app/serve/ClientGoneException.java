package dev.lowrank.app.serve;

/// Nobody waits for the answer any more.
final class ClientGoneException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ClientGoneException() {
        super("The client went away", null, false, false);
    }
}
