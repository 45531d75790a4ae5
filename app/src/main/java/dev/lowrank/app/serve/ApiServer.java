package dev.lowrank.app.serve;

import io.helidon.http.DirectHandler;
import io.helidon.http.DirectHandler.EventType;
import io.helidon.http.HeaderNames;
import io.helidon.http.Status;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.DirectHandlers;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.helidon.webserver.http1.Http1Config;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.logging.Level;
import java.util.logging.Logger;

/// The server: listens, checks, dispatches, and ends in order.
public final class ApiServer implements AutoCloseable {
    private static final int HEADER_BYTES = 16 << 10;
    private static final int LINE_BYTES = 4 << 10;
    /// What the system keeps of an answer for a client that does not read.
    private static final int SEND_BYTES = 128 << 10;
    /// Connections that are told that there are too many.
    private static final int REFUSALS = 32;
    private static final Duration LATE_ANSWERS = Duration.ofSeconds(2);
    /// Kept here, since loggers are forgotten with their last reference: the library's own messages repeat
    /// what clients send.
    private static final Logger HELIDON = Logger.getLogger("io.helidon");

    private final ServerOptions options;
    private final ModelShelf shelf;
    private final Gate gate;
    private final RequestLog log;
    private final ServerFigures figures = new ServerFigures();
    private final Connections connections;
    private final Routes routes;
    private final WebServer server;
    private final AtomicBoolean stopping = new AtomicBoolean();
    private final CountDownLatch ended = new CountDownLatch(1);

    private ApiServer(ServerOptions options, ModelShelf shelf, int parallel, Consumer<String> logLines) {
        HELIDON.setLevel(Level.OFF);
        this.options = options;
        this.shelf = shelf;
        gate = new Gate(options);
        if (gate.isOpen() && !Gate.isLoopback(options.host())) {
            throw new IllegalArgumentException("Without a key the server listens on this machine alone, not on "
                    + options.host() + "; give --api-key-file, or keep --host 127.0.0.1");
        }
        log = new RequestLog(logLines);
        var http = Http1Config.builder()
                .maxHeadersSize(HEADER_BYTES)
                .maxPrologueLength(LINE_BYTES)
                .build();
        connections = new Connections(http, options.limits());
        routes = new Routes(shelf, parallel, options, figures, connections::count);
        server = WebServer.builder()
                .host(options.host())
                .port(options.port())
                .protocolsDiscoverServices(false)
                .addConnectionSelector(connections)
                .useNio(false)
                .backlog(1024)
                // The library's listener dies of a failed accept: what is too much for us must not reach it.
                .maxTcpConnections(options.limits().connections() + REFUSALS)
                .maxPayloadSize(options.limits().bodyBytes())
                .shutdownHook(false)
                .shutdownGracePeriod(LATE_ANSWERS)
                .connectionOptions(socket ->
                        socket.readTimeout(Duration.ZERO).tcpNoDelay(true).socketSendBufferSize(SEND_BYTES))
                .directHandlers(refusals())
                .routing(HttpRouting.builder().any(this::handle))
                .build();
    }

    /// Starts one.
    ///
    /// @param shelf the models; the server's from now on
    /// @param parallel most choices of one request
    /// @param logLines gets one line for each request
    /// @throws IllegalArgumentException if it would be open to others without a key
    public static ApiServer start(ServerOptions options, ModelShelf shelf, int parallel, Consumer<String> logLines) {
        var server = new ApiServer(options, shelf, parallel, logLines);
        server.server.start();
        return server;
    }

    private DirectHandlers refusals() {
        var handlers = DirectHandlers.builder();
        for (var event : EventType.values()) {
            handlers.addHandler(event, this::refusal);
        }
        return handlers.build();
    }

    /// What HTTP itself refuses, in the same shape as everything else.
    private DirectHandler.TransportResponse refusal(
            DirectHandler.TransportRequest request,
            EventType event,
            Status status,
            io.helidon.http.ServerResponseHeaders headers,
            String message) {
        var code = code(request, status.code());
        var refused = ApiException.transport(code, code < 500 ? "The request is not valid HTTP" : "The server failed");
        return DirectHandler.TransportResponse.builder()
                .status(Status.create(code))
                .headers(headers)
                .header(HeaderNames.CONTENT_TYPE, "application/json")
                .keepAlive(false)
                .entity(Body.write(refused.document()))
                .build();
    }

    private int code(DirectHandler.TransportRequest request, int status) {
        if (status == 400 && request.headers().contains(HeaderNames.CONTENT_ENCODING)) {
            return 415;
        }
        if (status == 400 && connections.received() > HEADER_BYTES) {
            return 431;
        }
        var length = request.headers().first(HeaderNames.CONTENT_LENGTH).orElse("");
        return status == 400 && length.matches("[0-9]{19,}") ? 413 : status;
    }

    private void handle(ServerRequest request, ServerResponse response) {
        var start = System.nanoTime();
        var connection = connections.current();
        connection.handling();
        var exchange = new Exchange(request, response, connection, options.limits());
        figures.begin();
        var route = "other";
        var status = 0;
        try {
            route = dispatch(exchange);
            status = exchange.status();
        } catch (ClientGoneException | UncheckedIOException gone) {
            status = 499;
            connection.close();
        } catch (ApiException refused) {
            status = refuse(exchange, refused);
        } catch (RuntimeException | Error failure) {
            exchange.note("failure", String.valueOf(failure));
            status = refuse(exchange, ApiException.failed("The server failed on this request"));
        } finally {
            var seconds = (System.nanoTime() - start) * 1e-9;
            figures.end(route, status, seconds);
            log.write(exchange, status, seconds);
            exchange.end();
            if (routes.isBroken()) {
                ended.countDown();
            }
        }
    }

    /// @return the route's name
    private String dispatch(Exchange exchange) {
        var path = exchange.path();
        gate.checkSource(exchange);
        if (gate.isPreflight(exchange)) {
            exchange.answerHeader("Access-Control-Allow-Methods", "GET, POST");
            exchange.answerHeader("Access-Control-Allow-Headers", "Authorization, Content-Type");
            exchange.answerHeader("Access-Control-Max-Age", "600");
            exchange.send(204, "text/plain", new byte[0]);
            return "preflight";
        }
        if (path.equals("/health") && exchange.method().equals("GET")) {
            routes.health(exchange);
            return path;
        }
        var file = exchange.method().equals("GET") ? StaticFiles.find(path).orElse(null) : null;
        if (file != null) {
            exchange.send(200, file.type(), file.bytes());
            return "/";
        }
        var owner = gate.owner(exchange);
        if (!gate.isOpen()) {
            exchange.note("owner", owner);
        }
        var route = routes.find(exchange);
        if (stopping.get()) {
            throw ApiException.unavailable("shutting_down", "The server is shutting down");
        }
        route.endpoint().handle(exchange, owner);
        return route.name();
    }

    private static int refuse(Exchange exchange, ApiException refused) {
        try {
            if (exchange.isStream()) {
                exchange.failStream(refused);
            } else if (!exchange.isSent()) {
                if (refused.passing()) {
                    exchange.answerHeader("Retry-After", "1");
                }
                exchange.json(refused.status(), refused.document());
            }
        } catch (ClientGoneException | UncheckedIOException gone) {
            exchange.connection().close();
        }
        return refused.status();
    }

    /// Where it listens.
    public String url() {
        var host = options.host().contains(":") ? "[" + options.host() + "]" : options.host();
        return "http://" + host + ":" + server.port();
    }

    /// The port it listens on.
    public int port() {
        return server.port();
    }

    /// Waits until it is stopped, or until a model is beyond help.
    ///
    /// @return whether a model broke
    public boolean awaitEnd() throws InterruptedException {
        ended.await();
        return !stopping.get();
    }

    /// Ends the server: it takes nothing new, finishes what it has if that is through in time, ends the
    /// rest with an error.
    ///
    /// @param patience for what runs and waits
    public void stop(Duration patience) {
        if (!stopping.compareAndSet(false, true)) {
            return;
        }
        connections.closeIdle();
        shelf.close(patience);
        server.stop();
        connections.close();
        ended.countDown();
    }

    /// Models that are loaded now, by name.
    public List<String> loaded() {
        return shelf.loaded().stream().map(ModelShelf.Loaded::id).toList();
    }

    @Override
    public void close() {
        stop(Duration.ZERO);
    }
}
