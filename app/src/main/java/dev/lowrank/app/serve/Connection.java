package dev.lowrank.app.serve;

import io.helidon.common.socket.HelidonSocket;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/// One client's connection: what it is doing, how long it may, and whether the client is still there.
final class Connection {
    private static final Executor AHEAD =
            task -> Thread.ofVirtual().name("connection ahead").start(task);
    private static final long NEVER = Long.MAX_VALUE;

    private final HelidonSocket socket;
    private final ServerOptions.Limits limits;
    private volatile long deadline;
    private volatile boolean between = true;
    private @Nullable CompletableFuture<byte @Nullable []> ahead;

    Connection(HelidonSocket socket, ServerOptions.Limits limits) {
        this.socket = socket;
        this.limits = limits;
        allow(limits.slowness());
    }

    /// Bytes of the client for the HTTP reader; null at the end.
    byte @Nullable [] read() {
        var pending = ahead;
        ahead = null;
        var bytes = pending == null ? socket.get() : pending.join();
        if (between && bytes != null) {
            between = false;
            allow(limits.slowness());
        }
        return bytes;
    }

    /// The request was read; its answer may take as long as it takes.
    void answering() {
        deadline = NEVER;
    }

    /// A piece of the answer is about to be written.
    void writing() {
        allow(limits.slowness());
    }

    /// The answer was written; the next request may come.
    void waiting() {
        between = true;
        allow(limits.idle());
    }

    boolean isIdle() {
        return between;
    }

    boolean isOverdue(long now) {
        var limit = deadline;
        return limit != NEVER && now - limit > 0;
    }

    private void allow(Duration time) {
        deadline = System.nanoTime() + time.toNanos();
    }

    /// Notices from now on when the client goes; what it sends meanwhile is kept for the next request. Called
    /// by the thread that handles the request, after its body was read.
    void watch() {
        if (ahead == null) {
            ahead = CompletableFuture.supplyAsync(socket::get, AHEAD);
        }
    }

    /// Whether the client went away while it was watched.
    boolean isGone() {
        var watched = ahead;
        return watched != null && (watched.isCompletedExceptionally() || watched.isDone() && watched.join() == null);
    }

    void close() {
        socket.close();
    }
}
