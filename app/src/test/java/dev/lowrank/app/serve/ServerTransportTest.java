package dev.lowrank.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Requests that are broken, huge, slow or disguised, below what they ask: H01, H03, H04, H10, H13 to H16.
class ServerTransportTest {
    private static final int BODY = 1 << 20;

    private static TestServer server;

    @BeforeAll
    static void start() {
        var setup = new TestServer.Setup();
        setup.origins = List.of("https://good.example");
        server = TestServer.start(setup);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static String completion(int most) {
        return "{\"prompt\": \"def\", \"max_tokens\": " + most + "}";
    }

    // H01

    @Test
    void aBodyOneByteOverTheLimitIsRefused() throws Exception {
        var fits = "{\"prompt\": \"a\", \"max_tokens\": 1, \"user\": \"" + "x".repeat(BODY - 47);
        fits = fits + "x".repeat(BODY - 2 - fits.length()) + "\"}";
        assertThat(fits.length()).isEqualTo(BODY);
        assertThat(server.post("/v1/completions", fits).statusCode()).isEqualTo(200);
        try (var raw = server.raw()) {
            var answer = raw.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + (BODY + 1)
                            + "\r\n\r\n")
                    .all(3000);
            assertThat(RawClient.status(answer)).isEqualTo(413);
            assertThat(answer).contains("\"error\"");
        }
    }

    @Test
    void anEndlessChunkedBodyIsCutOff() throws Exception {
        try (var raw = server.raw()) {
            raw.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
            var before = server.log.size();
            var chunk = "10000\r\n" + "x".repeat(0x10000) + "\r\n";
            var sent = 0L;
            try {
                while (sent < 100L * BODY) {
                    raw.send(chunk);
                    sent += chunk.length();
                }
            } catch (IOException cut) {
                // As it should be.
            }
            // What the socket's buffers take is not read.
            assertThat(sent).isLessThan(20L * BODY);
            assertThat(server.awaitLog(before)).contains("\"status\":413");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"9223372036854775808", "18446744073709551616"})
    void anAbsurdLengthIsRefused(String length) throws Exception {
        try (var raw = server.raw()) {
            raw.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + length + "\r\n\r\n");
            assertThat(raw.status()).isEqualTo(413);
        }
    }

    @Test
    void aCompressedBodyIsRefused() throws Exception {
        var bytes = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(bytes)) {
            gzip.write(new byte[10_000_000]);
        }
        try (var raw = server.raw()) {
            raw.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: "
                    + bytes.size() + "\r\n\r\n");
            raw.socket.getOutputStream().write(bytes.toByteArray());
            assertThat(raw.status()).isEqualTo(415);
        }
    }

    @Test
    void anotherKindOfBodyIsRefused() throws Exception {
        try (var raw = server.raw()) {
            raw.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
                    + "Content-Length: 2\r\n\r\n{}");
            assertThat(raw.status()).isEqualTo(415);
        }
    }

    // H03

    @Test
    void tooManyOrTooLongHeadersAreRefused() throws Exception {
        for (var headers : List.of(
                "X-Long: " + "a".repeat(64 << 10) + "\r\n",
                "X-Many: a\r\n".repeat(200),
                "X-Huge: " + "a".repeat(4 << 20) + "\r\n")) {
            try (var raw = server.raw()) {
                try {
                    raw.send("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n");
                } catch (IOException cut) {
                    // The server has seen enough.
                }
                assertThat(raw.status()).isIn(431, 0);
            }
        }
        try (var raw = server.raw()) {
            raw.send("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n" + "X-Many: a\r\n".repeat(200) + "\r\n");
            assertThat(raw.status()).isEqualTo(431);
        }
        try (var raw = server.raw()) {
            raw.send("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX: " + "a".repeat(17 << 10) + "\r\n\r\n");
            assertThat(raw.status()).isEqualTo(431);
        }
        assertThat(server.get("/v1/models").statusCode()).isEqualTo(200);
    }

    // H04

    @Test
    void slowClientsAreClosedAndHinderNobody() throws Exception {
        var slow = new ArrayList<RawClient>();
        try {
            for (var i = 0; i < 200; i++) {
                slow.add(server.raw().send("POST /v1/completions HTTP/1.1\r\nHost: loc"));
            }
            var start = System.nanoTime();
            assertThat(server.get("/health").statusCode()).isEqualTo(200);
            assertThat((System.nanoTime() - start) * 1e-9).isLessThan(1);
            for (var client : slow) {
                assertThat(client.closedWithin(6000)).isTrue();
            }
        } finally {
            for (var client : slow) {
                client.close();
            }
        }
    }

    @Test
    void aBodyByteByByteIsCutOff() throws Exception {
        try (var raw = server.raw()) {
            raw.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n");
            var start = System.nanoTime();
            var writer = Thread.ofVirtual().start(() -> {
                try {
                    while (true) {
                        raw.send("x");
                        Thread.sleep(200);
                    }
                } catch (IOException | InterruptedException closed) {
                    // As it should be.
                }
            });
            assertThat(raw.closedWithin(6000)).isTrue();
            assertThat((System.nanoTime() - start) * 1e-9).isLessThan(5);
            writer.join();
        }
    }

    @Test
    void aReaderThatNeverReadsIsCutOff() throws Exception {
        try (var raw = new RawClient(server.server.port(), 4096)) {
            var before = server.log.size();
            // Far more events than fit into the socket's buffers.
            raw.post(
                    "/v1/completions",
                    "{\"prompt\": [5,6,7], \"max_tokens\": 1000, \"n\": 4, \"logprobs\": 20, \"stream\": true,"
                            + " \"ignore\": 1}");
            var line = server.awaitLog(before);
            assertThat(line).contains("\"status\":499");
            assertThat(TestServer.JSON.readTree(line).path("seconds").asDouble())
                    .isGreaterThan(1.5);
        }
    }

    // H10

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/v1/../admin",
                "/v1/%2e%2e/v1/models",
                "//v1/models",
                "/v1//models",
                "/v1/models/../models",
                "/v1/models/",
                "/v1/models/..%2f..%2fetc%2fpasswd",
                "/v1/models/http://169.254.169.254/",
                "/admin",
                "/v1/load",
                "/slots",
                "/props",
                "/index.html/..",
                "/v1/models%00",
                "/V1/models",
                "/.git/config"
            })
    void otherPathsAreNotFound(String path) throws Exception {
        try (var raw = server.raw()) {
            assertThat(raw.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                            .status())
                    .isIn(404, 400);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"../pocket", "file:///etc/passwd", "http://example.org/model", "nothing"})
    void unknownModelsAreNotFoundAndNotFetched(String model) throws Exception {
        var answer = server.post("/v1/completions", "{\"model\": \"" + model + "\", \"prompt\": \"a\"}");
        assertThat(answer.statusCode()).isEqualTo(404);
        assertThat(TestServer.json(answer).path("error").path("code").asString())
                .isEqualTo("model_not_found");
        var huge = server.post("/v1/completions", "{\"model\": \"" + "m".repeat(10_000) + "\", \"prompt\": \"a\"}");
        assertThat(huge.statusCode()).isEqualTo(404);
        assertThat(huge.body().length()).isLessThan(500);
    }

    // H13

    @Test
    void onlyListedOriginsGetCorsHeaders() throws Exception {
        for (var origin : List.of("http://evil.example", "null", "https://good.example.evil.example")) {
            try (var raw = server.raw()) {
                var answer = raw.send("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nOrigin: " + origin
                                + "\r\nConnection: close\r\n\r\n")
                        .all(3000);
                assertThat(RawClient.status(answer)).isEqualTo(403);
                assertThat(answer).doesNotContainIgnoringCase("access-control");
            }
            try (var raw = server.raw()) {
                var answer = raw.send("OPTIONS /v1/models HTTP/1.1\r\nHost: localhost\r\nOrigin: " + origin
                                + "\r\nAccess-Control-Request-Method: GET\r\nConnection: close\r\n\r\n")
                        .all(3000);
                assertThat(RawClient.status(answer)).isEqualTo(403);
                assertThat(answer).doesNotContainIgnoringCase("access-control");
            }
        }
        try (var raw = server.raw()) {
            var answer = raw.send("OPTIONS /v1/models HTTP/1.1\r\nHost: localhost\r\nOrigin: https://good.example"
                            + "\r\nAccess-Control-Request-Method: GET\r\nConnection: close\r\n\r\n")
                    .all(3000);
            assertThat(RawClient.status(answer)).isEqualTo(204);
            assertThat(answer)
                    .containsIgnoringCase("Access-Control-Allow-Origin: https://good.example")
                    .doesNotContainIgnoringCase("credentials");
        }
    }

    @Test
    void ourOwnPageMayAsk() throws Exception {
        try (var raw = server.raw()) {
            var host = "127.0.0.1:" + server.server.port();
            var answer = raw.send("GET /v1/models HTTP/1.1\r\nHost: " + host + "\r\nOrigin: http://" + host
                            + "\r\nConnection: close\r\n\r\n")
                    .all(3000);
            assertThat(RawClient.status(answer)).isEqualTo(200);
            assertThat(answer).doesNotContainIgnoringCase("access-control");
        }
    }

    // H14

    @ParameterizedTest
    @ValueSource(
            strings = {"attacker.example", "attacker.example:80", "localhost.attacker.example", "127.0.0.2", "", "a b"})
    void anotherHostsNameIsMisdirected(String host) throws Exception {
        try (var raw = server.raw()) {
            assertThat(raw.send("GET /v1/models HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
                            .status())
                    .isIn(421, 400);
        }
    }

    // H15

    @Test
    void theLogIsOneAsciiLineARequestWhateverTheClientSends() throws Exception {
        var before = server.log.size();
        server.post(
                "/v1/completions",
                "{\"model\": \"a\\r\\n{\\\"status\\\":200}\\u001b[2J\\u2028" + "m".repeat(500_000)
                        + "\", \"user\": \"x\\ny\"}",
                "User-Agent",
                "evil\tagent " + "u".repeat(5000),
                "X-Request-Id",
                "id with spaces");
        var line = server.awaitLog(before);
        assertThat(line).matches("[ -~]{1,2000}").doesNotContain("id with spaces");
        assertThat(TestServer.JSON.readTree(line).path("status").asInt()).isEqualTo(404);
    }

    @Test
    void aRequestsIdCannotSplitTheAnswer() throws Exception {
        try (var raw = server.raw()) {
            var answer =
                    raw.get("/health", "X-Request-Id: a%0d%0aSet-Cookie: x=1").all(3000);
            assertThat(answer).doesNotContain("Set-Cookie");
        }
        try (var raw = server.raw()) {
            var answer = raw.get("/health", "X-Request-Id: my-id.7").all(3000);
            assertThat(answer).contains("my-id.7");
        }
    }

    // H16

    static final List<String> SMUGGLED = List.of(
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
            "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            "Content-Length: +5\r\n\r\nabcde",
            "Content-Length : 5\r\n\r\nabcde",
            "X-Folded: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
            "X-Bare: a\nContent-Length: 2\r\n\r\n{}");

    @Test
    void ambiguousRequestsAreRefusedAndTheConnectionClosed() throws Exception {
        for (var rest : SMUGGLED) {
            try (var raw = server.raw()) {
                raw.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + rest
                        + "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n");
                var answer = raw.all(1500);
                assertThat(RawClient.status(answer)).as(rest).isIn(400, 413, 501, 0);
                assertThat(answer).as("nothing is smuggled by " + rest).doesNotContain("\"object\":\"list\"");
                assertThat(raw.closedWithin(500)).as("closed after " + rest).isTrue();
            }
        }
    }

    @Test
    void pipelinedRequestsAreAnsweredInOrder() throws Exception {
        try (var raw = server.raw()) {
            var body = completion(3);
            var post = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    + "Content-Length: " + body.length() + "\r\n\r\n" + body;
            var answer = raw.send(post
                            + "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
                            + "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    .all(5000);
            assertThat(answer.indexOf("text_completion")).isPositive().isLessThan(answer.indexOf("\"status\":\"ok\""));
            assertThat(answer.indexOf("\"status\":\"ok\"")).isLessThan(answer.indexOf("\"object\":\"list\""));
            assertThat(answer.getBytes(StandardCharsets.UTF_8).length).isPositive();
        }
    }
}
