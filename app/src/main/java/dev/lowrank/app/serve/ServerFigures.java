package dev.lowrank.app.serve;

import dev.lowrank.generate.EngineReport;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.DoubleAdder;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ToDoubleFunction;

/// What the server counts, as Prometheus reads it.
final class ServerFigures {
    private static final double[] BOUNDS = {0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60};

    private final Map<String, LongAdder> answers = new ConcurrentSkipListMap<>();
    private final LongAdder[] durations = new LongAdder[BOUNDS.length + 1];
    private final DoubleAdder seconds = new DoubleAdder();
    private final AtomicInteger active = new AtomicInteger();

    ServerFigures() {
        for (var i = 0; i < durations.length; i++) {
            durations[i] = new LongAdder();
        }
    }

    void begin() {
        active.incrementAndGet();
    }

    /// @param route a known address; never what the client sent
    void end(String route, int status, double took) {
        active.decrementAndGet();
        answers.computeIfAbsent("route=\"" + route + "\",status=\"" + status + "\"", _ -> new LongAdder())
                .increment();
        seconds.add(took);
        var bucket = 0;
        while (bucket < BOUNDS.length && took > BOUNDS[bucket]) {
            bucket++;
        }
        durations[bucket].increment();
    }

    /// @param reports of the loaded models, by name
    String text(Map<String, EngineReport> reports, int connections) {
        var text = new StringBuilder();
        head(text, "lowrank_http_requests_total", "counter", "Requests answered");
        answers.forEach((labels, count) -> line(text, "lowrank_http_requests_total", labels, (double) count.sum()));
        histogram(text);
        head(text, "lowrank_http_requests_active", "gauge", "Requests being answered");
        line(text, "lowrank_http_requests_active", "", active.get());
        head(text, "lowrank_http_connections", "gauge", "Open connections");
        line(text, "lowrank_http_connections", "", connections);
        engines(text, reports);
        return text.toString();
    }

    private void histogram(StringBuilder text) {
        var name = "lowrank_http_request_seconds";
        head(text, name, "histogram", "Time from a request's headers to the end of its answer");
        var sum = 0L;
        for (var i = 0; i < durations.length; i++) {
            sum += durations[i].sum();
            var bound = i < BOUNDS.length ? String.valueOf(BOUNDS[i]) : "+Inf";
            line(text, name + "_bucket", "le=\"" + bound + "\"", (double) sum);
        }
        line(text, name + "_sum", "", seconds.sum());
        line(text, name + "_count", "", (double) sum);
    }

    private static void engines(StringBuilder text, Map<String, EngineReport> reports) {
        engine(text, reports, "sequences_running", "gauge", "Texts being continued", EngineReport::running);
        engine(text, reports, "requests_queued", "gauge", "Requests that wait", EngineReport::queued);
        engine(text, reports, "prompt_tokens_total", "counter", "Tokens of prompts", EngineReport::promptTokens);
        engine(text, reports, "cached_tokens_total", "counter", "Those not read again", EngineReport::cachedTokens);
        engine(text, reports, "generated_tokens_total", "counter", "Tokens made", EngineReport::newTokens);
        engine(text, reports, "steps_total", "counter", "Passes over the weights", EngineReport::steps);
        engine(text, reports, "step_rows_total", "counter", "Tokens of all passes", EngineReport::stepRows);
        engine(text, reports, "requests_completed_total", "counter", "Ended well", EngineReport::completed);
        engine(text, reports, "requests_failed_total", "counter", "Failed by the model", EngineReport::failures);
        engine(text, reports, "cache_reserved_bytes", "gauge", "Of running texts", EngineReport::reservedBytes);
        engine(text, reports, "cache_kept_bytes", "gauge", "Of ended texts", EngineReport::keptBytes);
    }

    private static void engine(
            StringBuilder text,
            Map<String, EngineReport> reports,
            String name,
            String type,
            String help,
            ToDoubleFunction<EngineReport> value) {
        head(text, "lowrank_" + name, type, help);
        reports.forEach((model, report) ->
                line(text, "lowrank_" + name, "model=\"" + escaped(model) + "\"", value.applyAsDouble(report)));
    }

    private static String escaped(String label) {
        return label.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
    }

    private static void head(StringBuilder text, String name, String type, String help) {
        text.append("# HELP ").append(name).append(' ').append(help).append('\n');
        text.append("# TYPE ").append(name).append(' ').append(type).append('\n');
    }

    private static void line(StringBuilder text, String name, String labels, double value) {
        text.append(name);
        if (!labels.isEmpty()) {
            text.append('{').append(labels).append('}');
        }
        text.append(' ');
        if (value == Math.rint(value) && Math.abs(value) < 1e15) {
            text.append((long) value);
        } else {
            text.append(value);
        }
        text.append('\n');
    }
}
