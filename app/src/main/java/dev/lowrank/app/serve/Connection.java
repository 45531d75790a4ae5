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
    private static final Duration LINGER = Duration.ofMillis(500);
    private static final int LINGER_BYTES = 1 << 20;

    private final HelidonSocket socket;
    private final ServerOptions.Limits limits;
    private volatile long deadline;
    private volatile boolean between = true;
    private long received;
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
        var bytes = pending == null ? bytes() : pending.join();
        received += bytes == null ? 0 : bytes.length;
        if (between && bytes != null) {
            between = false;
            allow(limits.slowness());
        }
        return bytes;
    }

    /// A request begins; its bytes may have come together with those of the one before.
    void handling() {
        between = false;
        allow(limits.slowness());
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
        received = 0;
        allow(limits.idle());
    }

    /// Bytes of the request so far. Called by the thread that reads them.
    long received() {
        return received;
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

    /// Notices from now on when the client goes; what it sends meanwhile is kept for the next request.
    /// Called by the thread that handles the request, after its body was read.
    void watch() {
        if (ahead == null) {
            ahead = CompletableFuture.supplyAsync(this::bytes, AHEAD);
        }
    }

    private byte @Nullable [] bytes() {
        return socket.get();
    }

    /// Whether the client went away while it was watched.
    boolean isGone() {
        var watched = ahead;
        return watched != null && (watched.isCompletedExceptionally() || watched.isDone() && watched.join() == null);
    }

    /// Closes after the answer, taking a little of what is still being sent, lest the client is reset
    /// before it has read the answer.
    void linger() {
        allow(LINGER);
        try {
            for (var drained = 0; drained < LINGER_BYTES; ) {
                var bytes = read();
                if (bytes == null) {
                    break;
                }
                drained += bytes.length;
            }
        } catch (RuntimeException closed) {
            // The client or the sweeper was faster.
        }
        close();
    }

    void close() {
        socket.close();
    }
}
