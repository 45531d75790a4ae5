package dev.lowrank.app.serve;

import dev.lowrank.generate.GenerationEvent.Finish;
import dev.lowrank.generate.GenerationEvent.Usage;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// What all answers of a request have in common, and what it took.
final class Reply {
    private final String id;
    private final String kind;
    private final String model;
    private final long created = System.currentTimeMillis() / 1000;
    private int promptTokens;
    private int cachedTokens;
    private int newTokens;
    private double promptSeconds;
    private double decodeSeconds;

    /// @param prefix of the answer's name
    /// @param kind of object
    Reply(String prefix, String kind, String model) {
        this.id = prefix + Exchange.newId();
        this.kind = kind;
        this.model = model;
    }

    /// A document without choices.
    ObjectNode document() {
        return Body.object()
                .put("id", id)
                .put("object", kind)
                .put("created", created)
                .put("model", model)
                .put("system_fingerprint", "lowrank");
    }

    /// A prompt was answered.
    void add(Usage usage) {
        promptTokens += usage.promptTokens();
        cachedTokens += usage.cachedTokens();
        newTokens += usage.newTokens();
        promptSeconds += usage.promptSeconds();
        decodeSeconds = Math.max(decodeSeconds, usage.decodeSeconds());
    }

    /// Sends the only document of an answer.
    ///
    /// @param whole with all choices
    void send(Exchange exchange, ObjectNode whole) {
        putCosts(whole);
        note(exchange);
        exchange.json(200, whole);
    }

    /// Ends a stream.
    ///
    /// @param last says what the answer took; null where nobody asked
    void end(Exchange exchange, @Nullable ObjectNode last) {
        note(exchange);
        if (last != null) {
            last.putArray("choices");
            putCosts(last);
            exchange.event(last);
        }
        exchange.done();
    }

    private void putCosts(ObjectNode document) {
        document.set("usage", usage());
        document.set("timings", timings());
    }

    private ObjectNode usage() {
        var usage = Body.object()
                .put("prompt_tokens", promptTokens)
                .put("completion_tokens", newTokens)
                .put("total_tokens", promptTokens + newTokens);
        usage.putObject("prompt_tokens_details").put("cached_tokens", cachedTokens);
        return usage;
    }

    /// Figures of the kind that llama.cpp's server gives.
    private ObjectNode timings() {
        var read = promptTokens - cachedTokens;
        return Body.object()
                .put("cache_n", cachedTokens)
                .put("prompt_n", read)
                .put("prompt_ms", promptSeconds * 1000)
                .put("prompt_per_second", promptSeconds > 0 ? read / promptSeconds : 0)
                .put("predicted_n", newTokens)
                .put("predicted_ms", decodeSeconds * 1000)
                .put("predicted_per_second", decodeSeconds > 0 ? (newTokens - 1) / decodeSeconds : 0);
    }

    private void note(Exchange exchange) {
        exchange.note("prompt_tokens", promptTokens);
        exchange.note("new_tokens", newTokens);
    }

    static String reason(Finish finish) {
        return finish == Finish.MAX_TOKENS ? "length" : "stop";
    }
}
