package dev.lowrank.app.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.tensor.DType;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Who may ask: H11, H12, H21.
class ServerKeysTest {
    private static final String ALICE = "alice-key-0123456789";
    private static final String BOB = "bob-key-9876543210";

    private static TestServer server;

    @BeforeAll
    static void start() {
        var setup = new TestServer.Setup();
        setup.keys = List.of(ALICE, BOB);
        setup.origins = List.of("https://good.example");
        server = TestServer.start(setup);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static int raw(String method, String path, String headers) throws Exception {
        try (var raw = server.raw()) {
            return raw.send(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers
                            + "\r\n")
                    .status();
        }
    }

    // H11

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "Authorization: Bearer wrong-key-0000000\r\n",
                "Authorization: Bearer alice-key-012345678\r\n",
                "Authorization: Bearer alice-key-01234567890\r\n",
                "Authorization: Bearer ALICE-KEY-0123456789\r\n",
                "Authorization: Bearer \r\n",
                "Authorization: alice-key-0123456789\r\n",
                "Authorization: Basic alice-key-0123456789\r\n",
                "Authorization: Bearer alice-key-0123456789\r\nAuthorization: Bearer bob-key-9876543210\r\n",
                "X-Api-Key: alice-key-0123456789\r\n"
            })
    void withoutARightKeyNothingIsAnsweredButHealth(String headers) throws Exception {
        for (var path : List.of(
                "/v1/models",
                "/v1/models/pocket",
                "/metrics",
                "/v1/chat/completions",
                "/tokenize",
                "/nothing",
                "/v1/models?key=" + ALICE,
                "/v1/models?api_key=" + ALICE)) {
            assertThat(raw("GET", path, headers)).as(path).isEqualTo(401);
            assertThat(raw("OPTIONS", path, headers)).as(path).isEqualTo(401);
        }
        for (var path : List.of("/v1/completions", "/v1/chat/completions", "/v1/embeddings", "/tokenize")) {
            assertThat(raw("POST", path, headers + "Content-Length: 0\r\n"))
                    .as(path)
                    .isEqualTo(401);
        }
        assertThat(raw("GET", "/health", headers)).isEqualTo(200);
    }

    @Test
    void aRightKeyIsTakenAndAPreflightNeedsNone() throws Exception {
        assertThat(raw("GET", "/v1/models", "Authorization: Bearer " + BOB + "\r\n"))
                .isEqualTo(200);
        assertThat(raw("GET", "/v1/models", "authorization: bearer " + ALICE + "\r\n"))
                .isEqualTo(200);
        assertThat(raw(
                        "OPTIONS",
                        "/v1/models",
                        "Origin: https://good.example\r\nAccess-Control-Request-Method: GET\r\n"))
                .isEqualTo(204);
    }

    @Test
    void aRefusalSaysHowToAsk() throws Exception {
        var answer = server.get("/v1/models");
        assertThat(TestServer.json(answer).path("error").path("code").asString())
                .isEqualTo("invalid_api_key");
        assertThat(answer.body()).contains("Bearer").doesNotContain(ALICE, BOB);
    }

    // H12

    @Test
    void withoutAKeyOnlyThisMachineIsServed() {
        var limits = new ServerOptions.Limits(1000, 10, Duration.ofSeconds(1), Duration.ofSeconds(1));
        var shelf = new ModelShelf(
                Map.of("pocket", TestServer.POCKET),
                new ModelLimits(1, 1, 10, 1_000_000_000, 1, DType.F32, model -> model));
        for (var host : List.of("0.0.0.0", "::")) {
            var options = new ServerOptions(host, 0, List.of(), List.of(), List.of(), Duration.ofSeconds(1), limits);
            assertThatThrownBy(() -> ApiServer.start(options, shelf, 1, _ -> {}))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("--api-key-file");
        }
    }

    @Test
    void keysAppearNowhere() throws Exception {
        server.post("/v1/completions", "{\"prompt\": \"a\", \"max_tokens\": 1}", "Authorization", "Bearer " + ALICE);
        server.post("/v1/completions", "{\"prompt\": 5}", "Authorization", "Bearer " + ALICE);
        server.get("/v1/models?key=" + ALICE, "Authorization", "Bearer " + ALICE + "x");
        assertThat(server.log).isNotEmpty().noneMatch(line -> line.contains(ALICE) || line.contains("alice"));
        assertThat(server.get("/metrics", "Authorization", "Bearer " + BOB).body())
                .doesNotContain(ALICE, BOB);
    }

    // H21

    @Test
    void nothingThatIsKeptForOneKeyServesAnother() throws Exception {
        var body = "{\"prompt\": \"" + "secret of alice = 42\\n".repeat(20)
                + "\", \"max_tokens\": 16, \"temperature\": 0}";
        assertThat(cached(ALICE, body)).isZero();
        assertThat(cached(BOB, body)).isZero();
        assertThat(cached(ALICE, body)).isPositive();
        assertThat(cached(BOB, body)).isPositive();
    }

    private static int cached(String key, String body) throws Exception {
        var answer = server.post("/v1/completions", body, "Authorization", "Bearer " + key);
        return TestServer.json(answer)
                .path("usage")
                .path("prompt_tokens_details")
                .path("cached_tokens")
                .asInt();
    }
}
