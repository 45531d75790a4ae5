package dev.lowrank.app.serve;

import io.helidon.common.buffers.BufferData;
import io.helidon.common.buffers.DataReader;
import io.helidon.common.buffers.DataWriter;
import io.helidon.common.concurrency.limits.Limit;
import io.helidon.common.socket.HelidonSocket;
import io.helidon.common.socket.PeerInfo;
import io.helidon.common.task.InterruptableTask;
import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.ListenerContext;
import io.helidon.webserver.ProxyProtocolData;
import io.helidon.webserver.Router;
import io.helidon.webserver.http1.Http1Config;
import io.helidon.webserver.http1.Http1ConnectionSelector;
import io.helidon.webserver.spi.ServerConnection;
import io.helidon.webserver.spi.ServerConnectionSelector;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import org.jspecify.annotations.Nullable;

/// All connections: HTTP/1.1 over each, none too many, none too slow.
final class Connections implements ServerConnectionSelector, AutoCloseable {
    private static final Duration SWEEP = Duration.ofMillis(250);
    private static final byte[] FULL = full();

    private final ServerConnectionSelector http;
    private final ServerOptions.Limits limits;
    private final Set<Connection> open = ConcurrentHashMap.newKeySet();
    private final ScopedValue<Connection> current = ScopedValue.newInstance();
    private final Thread sweeper;

    Connections(Http1Config config, ServerOptions.Limits limits) {
        this.http = Http1ConnectionSelector.builder().config(config).build();
        this.limits = limits;
        sweeper = Thread.ofPlatform().daemon().name("connection sweeper").start(this::sweep);
    }

    /// The answer to one connection too many.
    private static byte[] full() {
        var body = Body.line(ApiException.unavailable("connections", "The server has too many connections")
                .document());
        return ("HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
                        + "Connection: close\r\nContent-Length: " + body.length() + "\r\n\r\n" + body)
                .getBytes(StandardCharsets.US_ASCII);
    }

    private void sweep() {
        try {
            while (true) {
                Thread.sleep(SWEEP);
                var now = System.nanoTime();
                for (var connection : open) {
                    if (connection.isOverdue(now)) {
                        connection.close();
                    }
                }
            }
        } catch (InterruptedException closed) {
            Thread.currentThread().interrupt();
        }
    }

    /// The connection of the request that this thread handles.
    Connection current() {
        return current.get();
    }

    /// Bytes that this thread's connection received of its request so far.
    long received() {
        return current.isBound() ? current.get().received() : 0;
    }

    int count() {
        return open.size();
    }

    /// Closes those between two requests.
    void closeIdle() {
        open.stream().filter(Connection::isIdle).forEach(Connection::close);
    }

    @Override
    public int bytesToIdentifyConnection() {
        return 0;
    }

    @Override
    public Support supports(BufferData data) {
        return Support.SUPPORTED;
    }

    @Override
    public Set<String> supportedApplicationProtocols() {
        return http.supportedApplicationProtocols();
    }

    @Override
    public ServerConnection connection(ConnectionContext context) {
        if (open.size() >= limits.connections()) {
            return new Refused(context);
        }
        var connection = new Connection(context.serverSocket(), limits);
        var behind = http.connection(new Watched(context, DataReader.create(connection::read)));
        return new Counted(connection, behind);
    }

    @Override
    public void close() {
        sweeper.interrupt();
    }

    /// A connection that is known while it is open.
    private final class Counted implements ServerConnection, InterruptableTask<@Nullable Void> {
        private final Connection connection;
        private final ServerConnection behind;

        Counted(Connection connection, ServerConnection behind) {
            this.connection = connection;
            this.behind = behind;
        }

        @Override
        public void handle(Limit limit) throws InterruptedException {
            open.add(connection);
            try {
                ScopedValue.where(current, connection).<@Nullable Void, InterruptedException>call(() -> {
                    behind.handle(limit);
                    return null;
                });
            } finally {
                open.remove(connection);
            }
        }

        @Override
        public Duration idleTime() {
            return behind.idleTime();
        }

        @Override
        public void close(boolean interrupt) {
            behind.close(interrupt);
        }

        @Override
        public boolean canInterrupt() {
            return connection.isIdle();
        }

        @Override
        public @Nullable Void call() {
            return null;
        }
    }

    /// One connection too many.
    private record Refused(ConnectionContext context) implements ServerConnection {
        @Override
        public void handle(Limit limit) {
            context.dataWriter().writeNow(BufferData.create(FULL));
            context.serverSocket().close();
        }

        @Override
        public Duration idleTime() {
            return Duration.ZERO;
        }

        @Override
        public void close(boolean interrupt) {
            context.serverSocket().close();
        }
    }

    /// A context whose bytes come through our hands.
    private record Watched(ConnectionContext behind, DataReader dataReader) implements ConnectionContext {
        @Override
        public ListenerContext listenerContext() {
            return behind.listenerContext();
        }

        @Override
        public ExecutorService executor() {
            return behind.executor();
        }

        @Override
        public DataWriter dataWriter() {
            return behind.dataWriter();
        }

        @Override
        public Router router() {
            return behind.router();
        }

        @Override
        public Optional<ProxyProtocolData> proxyProtocolData() {
            return behind.proxyProtocolData();
        }

        @Override
        public HelidonSocket serverSocket() {
            return behind.serverSocket();
        }

        @Override
        public PeerInfo remotePeer() {
            return behind.remotePeer();
        }

        @Override
        public PeerInfo localPeer() {
            return behind.localPeer();
        }

        @Override
        public boolean isSecure() {
            return behind.isSecure();
        }

        @Override
        public String socketId() {
            return behind.socketId();
        }

        @Override
        public String childSocketId() {
            return behind.childSocketId();
        }
    }
}
