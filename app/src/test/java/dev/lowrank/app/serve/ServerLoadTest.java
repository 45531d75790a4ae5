package dev.lowrank.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.generate.BatchModel;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.KvCache;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Many clients, clients that go, models that fail, and the end: H05, H06, H18, H19.
class ServerLoadTest {
    private static final String PROMPT = "import os\\n\\ndef read_file(path):\\n    with open(";

    /// A model that takes its time, or fails at one token.
    private record Changed(BatchModel behind, long pauseMillis, int cursed) implements BatchModel {
        @Override
        public DecoderSpec spec() {
            return behind.spec();
        }

        @Override
        public float[][] step(int[] tokens, List<KvCache> caches) {
            if (pauseMillis > 0) {
                try {
                    Thread.sleep(pauseMillis);
                } catch (InterruptedException interrupted) {
                    throw new IllegalStateException(interrupted);
                }
            }
            if (Arrays.stream(tokens).anyMatch(token -> token == cursed)) {
                throw new OutOfMemoryError("cursed");
            }
            return behind.step(tokens, caches);
        }

        @Override
        public void share(int count, IntConsumer work) {
            behind.share(count, work);
        }

        @Override
        public float[] read(int[] tokens, KvCache cache) {
            return behind.read(tokens, cache);
        }

        @Override
        public void score(int[] tokens, KvCache cache, Logits logits) {
            behind.score(tokens, cache, logits);
        }

        @Override
        public void close() {
            behind.close();
        }
    }

    private static TestServer slow(long pauseMillis) {
        var setup = new TestServer.Setup();
        setup.wrap = model -> new Changed(model, pauseMillis, -1);
        return TestServer.start(setup);
    }

    private static String body(int most, boolean stream) {
        return "{\"prompt\": \"" + PROMPT + "\", \"max_tokens\": " + most + ", \"temperature\": 0, \"stream\": "
                + stream + "}";
    }

    private static void freed(TestServer server, double seconds) throws Exception {
        var start = System.nanoTime();
        while (server.metric("lowrank_sequences_running") > 0
                || server.metric("lowrank_requests_queued") > 0
                || server.metric("lowrank_cache_reserved_bytes") > 0) {
            assertThat((System.nanoTime() - start) * 1e-9).isLessThan(seconds);
            Thread.sleep(20);
        }
    }

    // H05

    @Test
    void tooManyAreAskedToComeBack() throws Exception {
        try (var server = slow(2)) {
            crowd(server, 64, 1);
        }
    }

    @Test
    @Tag("slow")
    void aThousandClientsAreServedOrAskedToComeBack() throws Exception {
        try (var server = slow(0)) {
            crowd(server, 1000, 3);
        }
    }

    private static void crowd(TestServer server, int clients, int requests) throws Exception {
        var statuses = Collections.synchronizedList(new ArrayList<Integer>());
        var health = new ArrayList<Double>();
        try (var pool = Executors.newVirtualThreadPerTaskExecutor()) {
            var running = new ArrayList<Future<?>>();
            for (var i = 0; i < clients; i++) {
                var stream = i % 2 == 0;
                running.add(pool.submit(() -> {
                    for (var k = 0; k < requests; k++) {
                        try (var raw = server.raw()) {
                            raw.socket.setSoTimeout(60_000);
                            raw.post("/v1/completions", body(12, stream));
                            var status = raw.status();
                            statuses.add(status);
                            if (status == 429) {
                                assertThat(raw.all(1000)).contains("Retry-After: 1");
                            } else {
                                raw.all(1000);
                            }
                        }
                    }
                    return null;
                }));
            }
            while (running.stream().anyMatch(client -> !client.isDone())) {
                var start = System.nanoTime();
                assertThat(server.get("/health").statusCode()).isEqualTo(200);
                health.add((System.nanoTime() - start) * 1e-9);
                Thread.sleep(20);
            }
            for (var client : running) {
                client.get();
            }
        }
        assertThat(statuses).hasSize(clients * requests);
        assertThat(Set.copyOf(statuses)).isSubsetOf(200, 429, 503).contains(200, 429);
        Collections.sort(health);
        // Clients, server and the other tests share this machine.
        assertThat(health.get(health.size() / 2)).isLessThan(0.5);
        freed(server, 5);
    }

    // H06

    @Test
    void aClientThatGoesFreesItsPlace() throws Exception {
        try (var server = slow(5)) {
            for (var when : List.of("before", "waiting", "streaming", "whole")) {
                try (var raw = server.raw()) {
                    raw.post("/v1/completions", body(900, when.equals("streaming")));
                    switch (when) {
                        case "waiting", "whole" -> Thread.sleep(300);
                        case "streaming" -> assertThat(raw.status()).isEqualTo(200);
                        default -> {}
                    }
                }
                freed(server, 2);
            }
            for (var i = 0; i < 100; i++) {
                try (var raw = server.raw()) {
                    raw.post("/v1/completions", body(500, i % 2 == 0));
                    Thread.sleep(i % 7);
                }
            }
            freed(server, 5);
            assertThat(server.metric("lowrank_requests_failed_total")).isZero();
        }
    }

    @Test
    @Tag("slow")
    void tenThousandClientsThatGoLeaveNothing() throws Exception {
        var setup = new TestServer.Setup();
        setup.queue = 1000;
        try (var server = TestServer.start(setup)) {
            var resident = 0L;
            for (var i = 0; i < 10_000; i++) {
                try (var raw = server.raw()) {
                    raw.post("/v1/completions", body(200, i % 2 == 0));
                    Thread.sleep(i % 4);
                }
                if (i == 2000) {
                    resident = resident();
                }
            }
            freed(server, 10);
            assertThat(resident()).isLessThan(resident + 200_000_000);
        }
    }

    private static long resident() throws Exception {
        for (var line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
            }
        }
        throw new IllegalStateException("no VmRSS");
    }

    @Test
    void aRequestThatTakesTooLongIsEnded() throws Exception {
        var setup = new TestServer.Setup();
        setup.wrap = model -> new Changed(model, 20, -1);
        setup.timeout = Duration.ofMillis(400);
        try (var server = TestServer.start(setup)) {
            assertThat(server.post("/v1/completions", body(900, false)).statusCode())
                    .isEqualTo(408);
            var stream = server.post("/v1/completions", body(900, true));
            assertThat(stream.statusCode()).isEqualTo(200);
            assertThat(stream.body()).contains("\"code\":\"timeout\"").doesNotContain("[DONE]");
            freed(server, 2);
        }
    }

    // H18

    @Test
    void stoppingLetsRunningRequestsFinish() throws Exception {
        var server = slow(3);
        var running = server.client.sendAsync(request(server, body(60, true)), HttpResponse.BodyHandlers.ofString());
        awaitRunning(server);
        server.server.stop(Duration.ofSeconds(30));
        assertThat(running.get().body()).endsWith("data: [DONE]\n\n");
        server.client.close();
    }

    @Test
    void stoppingEndsWhatIsNotThroughInTime() throws Exception {
        var server = slow(20);
        var stream = server.client.sendAsync(request(server, body(900, true)), HttpResponse.BodyHandlers.ofString());
        var whole = server.client.sendAsync(request(server, body(900, false)), HttpResponse.BodyHandlers.ofString());
        awaitRunning(server);
        server.server.stop(Duration.ofMillis(300));
        assertThat(stream.get().body()).contains("\"code\":\"shutting_down\"").doesNotContain("[DONE]");
        assertThat(whole.get().statusCode()).isEqualTo(503);
        server.client.close();
    }

    private static HttpRequest request(TestServer server, String body) {
        return HttpRequest.newBuilder(URI.create(server.url("/v1/completions")))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
    }

    private static void awaitRunning(TestServer server) throws Exception {
        while (server.metric("lowrank_generated_tokens_total") < 3) {
            Thread.sleep(20);
        }
    }

    // H19

    @Test
    void aRequestThatTheModelFailsOnFailsAlone() throws Exception {
        var setup = new TestServer.Setup();
        setup.wrap = model -> new Changed(model, 0, 94);
        try (var server = TestServer.start(setup)) {
            var cursed = "{\"prompt\": [5, 94, 6], \"max_tokens\": 2}";
            var failed = server.post("/v1/completions", cursed);
            assertThat(failed.statusCode()).isEqualTo(503);
            assertThat(failed.body()).contains("out_of_memory").doesNotContain("cursed");
            assertThat(server.get("/health").body()).contains("degraded");
            assertThat(server.post("/v1/completions", body(3, false)).statusCode())
                    .isEqualTo(200);
            assertThat(server.get("/health").body()).contains("ok");
            var ended = new CountDownLatch(1);
            Thread.ofVirtual().start(() -> {
                try {
                    if (server.server.awaitEnd()) {
                        ended.countDown();
                    }
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt();
                }
            });
            for (var i = 0; i < 8; i++) {
                assertThat(server.post("/v1/completions", cursed).statusCode()).isEqualTo(503);
            }
            assertThat(server.get("/health").statusCode()).isEqualTo(503);
            assertThat(ended.await(5, TimeUnit.SECONDS)).isTrue();
        }
    }

    // Models that come and go

    @Test
    void theLeastRecentlyUsedModelMakesRoom() throws Exception {
        var setup = new TestServer.Setup();
        setup.models.put("second", TestServer.POCKET);
        setup.models.put("third", TestServer.POCKET);
        setup.memory = 110_000_000;
        try (var server = TestServer.start(setup)) {
            for (var model : List.of("pocket", "second", "third", "pocket", "third")) {
                var answer = server.post(
                        "/v1/completions", "{\"model\": \"" + model + "\", \"prompt\": \"a\", \"max_tokens\": 2}");
                assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
                assertThat(server.server.loaded()).contains(model).hasSizeLessThan(3);
            }
        }
    }
}
