package dev.lowrank.app.serve;

import io.helidon.http.Header;
import io.helidon.http.HeaderNames;
import io.helidon.http.RequestException;
import io.helidon.webserver.ServerConnectionException;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// One request and its answer. It belongs to the thread that handles it.
final class Exchange {
    private static final RandomGenerator RANDOM = new SecureRandom();
    private static final int ID_BYTES = 12;
    /// A refused body up to this size is read to its end, so that the client sees why it was refused.
    private static final int COURTESY = 1 << 16;

    private final ServerRequest request;
    private final ServerResponse response;
    private final Connection connection;
    private final ServerOptions.Limits limits;
    private final String id;
    private final Map<String, Object> notes = new LinkedHashMap<>();
    private @Nullable OutputStream stream;
    private boolean bodyRead;
    private boolean sent;
    private boolean abandoned;
    private int status;

    Exchange(ServerRequest request, ServerResponse response, Connection connection, ServerOptions.Limits limits) {
        this.request = request;
        this.response = response;
        this.connection = connection;
        this.limits = limits;
        id = headers("X-Request-Id").stream()
                .filter(given -> given.matches("[A-Za-z0-9._-]{1,64}"))
                .findFirst()
                .orElseGet(Exchange::newId);
        response.header("X-Request-Id", id);
    }

    /// Letters and digits that nobody guesses.
    static String newId() {
        var bytes = new byte[ID_BYTES];
        RANDOM.nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }

    String id() {
        return id;
    }

    String method() {
        return request.prologue().method().text();
    }

    /// As it was sent: nothing decoded, nothing resolved.
    String path() {
        return request.prologue().uriPath().rawPath();
    }

    List<String> headers(String name) {
        return request.headers().all(HeaderNames.create(name), List::of);
    }

    int headerCount() {
        return request.headers().stream().mapToInt(Header::valueCount).sum();
    }

    Connection connection() {
        return connection;
    }

    /// What the log says of this request beside the usual.
    Map<String, Object> notes() {
        return notes;
    }

    void note(String key, Object value) {
        notes.put(key, value);
    }

    int status() {
        return status;
    }

    void answerHeader(String name, String value) {
        response.header(name, value);
    }

    /// Reads the body's JSON.
    ///
    /// @throws ApiException 413, 415 or 400
    Fields body() {
        if (!headers("Content-Encoding").isEmpty()) {
            throw ApiException.mediaType("Compressed bodies are not accepted");
        }
        var type = headers("Content-Type").stream().findFirst().orElse("application/json");
        if (!type.regionMatches(true, 0, "application/json", 0, 16)) {
            throw ApiException.mediaType("The body must be application/json");
        }
        var bytes = read(limits.bodyBytes());
        if (bytes.isEmpty()) {
            throw ApiException.tooLarge(limits.bodyBytes());
        }
        bodyRead = true;
        connection.answering();
        return Body.read(bytes.get());
    }

    /// @return empty if there is more than that
    private Optional<byte[]> read(int most) {
        var length = request.headers().contentLength();
        if (length.isPresent() && length.getAsLong() > most) {
            return Optional.empty();
        }
        if (!request.content().hasEntity()) {
            return Optional.of(new byte[0]);
        }
        try {
            var bytes = request.content().inputStream().readNBytes(most + 1);
            return bytes.length > most ? Optional.empty() : Optional.of(bytes);
        } catch (IOException gone) {
            throw new UncheckedIOException(gone);
        } catch (UncheckedIOException gone) {
            throw gone;
        } catch (RuntimeException broken) {
            // The library's own refusals: the body is longer than it may be, or its chunks are no chunks.
            abandon();
            throw broken instanceof RequestException refused && refused.status().code() == 413
                    ? ApiException.tooLarge(most)
                    : ApiException.bad(null, "The body is not valid HTTP");
        }
    }

    /// Answers with a document.
    void json(int code, JsonNode document) {
        send(code, "application/json", Body.write(document));
    }

    /// Answers with a text.
    void text(int code, String type, String text) {
        send(code, type, text.getBytes(StandardCharsets.UTF_8));
    }

    /// Answers with bytes.
    void send(int code, String type, byte[] bytes) {
        if (!bodyRead) {
            leaveBody();
        }
        connection.writing();
        status = code;
        sent = true;
        response.status(code);
        response.header("Content-Type", type);
        try {
            response.send(bytes);
        } catch (ServerConnectionException gone) {
            throw new ClientGoneException();
        }
    }

    private void leaveBody() {
        var length = request.headers().contentLength();
        var small = length.isPresent()
                ? length.getAsLong() <= COURTESY
                : !request.content().hasEntity();
        if (!small || read(COURTESY).isEmpty()) {
            abandon();
        }
        bodyRead = true;
    }

    /// The rest of the body is not read: the connection cannot be used again.
    private void abandon() {
        bodyRead = true;
        abandoned = true;
        response.header("Connection", "close");
    }

    /// Makes the connection ready for the next request, or closes it.
    void end() {
        if (abandoned) {
            connection.linger();
        } else if (headers("Connection").stream().anyMatch(value -> value.equalsIgnoreCase("close"))) {
            connection.close();
        } else {
            connection.waiting();
        }
    }

    /// Begins a stream of events.
    void beginStream() {
        status = 200;
        sent = true;
        response.status(200);
        response.header("Content-Type", "text/event-stream");
        response.header("Cache-Control", "no-cache");
        stream = response.outputStream();
    }

    /// One event: `data: ` and a document on one line.
    void event(JsonNode document) {
        write("data: " + Body.line(document) + "\n\n");
    }

    /// Ends a stream as OpenAI does.
    void done() {
        write("data: [DONE]\n\n");
        close();
    }

    /// A stream ends with an error.
    void failStream(ApiException refused) {
        event(refused.document());
        close();
    }

    private void write(String text) {
        var out = stream;
        if (out == null) {
            throw new IllegalStateException("The stream was not begun");
        }
        connection.writing();
        try {
            out.write(text.getBytes(StandardCharsets.UTF_8));
            out.flush();
        } catch (IOException | RuntimeException gone) {
            throw new ClientGoneException();
        }
        connection.answering();
    }

    private void close() {
        var out = stream;
        if (out != null) {
            try {
                out.close();
            } catch (IOException | RuntimeException gone) {
                throw new ClientGoneException();
            }
        }
    }

    boolean isSent() {
        return sent;
    }

    boolean isStream() {
        return stream != null;
    }
}
