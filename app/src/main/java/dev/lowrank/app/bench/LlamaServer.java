package dev.lowrank.app.bench;

import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// A running server of llama.cpp. It answers completions with its own `timings`; which model it runs, in
/// which type and with how many threads, is its user's business.
///
/// @param completions address of its completions
public record LlamaServer(URI completions) implements Peer {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final Duration CONNECT = Duration.ofSeconds(10);
    private static final Duration ANSWER = Duration.ofMinutes(30);
    private static final int SHOWN = 300;

    /// @param base address of the server, with or without `/v1`
    static LlamaServer at(URI base) {
        var text = base.toString().replaceFirst("/+$", "").replaceFirst("/v1$", "");
        return new LlamaServer(URI.create(text + "/v1/completions"));
    }

    @Override
    public String name() {
        return Peers.LLAMA_CPP;
    }

    /// What llama.cpp is asked for: a prompt of tokens, then so many more whatever they are.
    static Map<String, Object> request(int[] prompt, int decodeTokens) {
        return Map.of(
                "prompt",
                prompt,
                "max_tokens",
                decodeTokens,
                "temperature",
                0,
                "ignore_eos",
                true,
                "cache_prompt",
                false);
    }

    @Override
    public List<PeerSpeed> measure(Task task) throws InterruptedException {
        var body = JSON.writeValueAsString(request(task.prompt(), task.decodeTokens()));
        try (var client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(CONNECT)
                .build()) {
            var best = speed(timings(client, body));
            for (var round = 1; round < task.rounds(); round++) {
                best = best.best(speed(timings(client, body)));
            }
            return List.of(best);
        }
    }

    private PeerSpeed speed(JsonNode timings) {
        return new PeerSpeed(
                name(),
                0,
                timings.path("prompt_n").asInt(),
                timings.path("prompt_per_second").asDouble(),
                timings.path("predicted_per_second").asDouble());
    }

    private JsonNode timings(HttpClient client, String body) throws InterruptedException {
        var request = HttpRequest.newBuilder(completions)
                .timeout(ANSWER)
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(body))
                .build();
        try {
            return timings(client.send(request, BodyHandlers.ofString()));
        } catch (ConnectException refused) {
            throw new PeerException(
                    "No server answers at " + completions + "; start one, as llama-server -m MODEL.gguf does.",
                    refused);
        } catch (IOException failure) {
            throw new PeerException(completions + " broke off: " + failure.getMessage() + ".", failure);
        }
    }

    private JsonNode timings(HttpResponse<String> response) {
        var text = response.body();
        var shown = text.length() > SHOWN ? text.substring(0, SHOWN) + " …" : text;
        if (response.statusCode() != 200) {
            throw new PeerException(
                    completions + " answered with status " + response.statusCode() + ": " + shown.strip());
        }
        try {
            var timings = JSON.readTree(text).path("timings");
            if (timings.path("prompt_per_second").isNumber()
                    && timings.path("predicted_per_second").isNumber()) {
                return timings;
            }
        } catch (JacksonException broken) {
            throw new PeerException(completions + " answered with something else than JSON: " + shown, broken);
        }
        throw new PeerException(
                completions + " answered without `timings`; only llama.cpp's own server tells them. It said: " + shown);
    }
}
