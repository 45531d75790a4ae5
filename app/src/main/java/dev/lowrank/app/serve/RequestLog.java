package dev.lowrank.app.serve;

import java.time.Instant;
import java.util.Locale;
import java.util.function.Consumer;
import tools.jackson.databind.node.ObjectNode;

/// One line of JSON for each request, ASCII only and at most 2 kB. It names no key, and of texts not a
/// word.
final class RequestLog {
    private static final int MOST_FIELD = 200;
    private static final int MOST_LINE = 2000;

    private final Consumer<String> lines;

    RequestLog(Consumer<String> lines) {
        this.lines = lines;
    }

    void write(Exchange exchange, int status, double seconds) {
        var line = Body.object()
                .put("time", Instant.now().toString())
                .put("id", exchange.id())
                .put("method", cut(exchange.method()))
                .put("path", cut(exchange.path()))
                .put("status", status)
                .put("seconds", Math.round(seconds * 1e4) / 1e4);
        exchange.headers("User-Agent").stream().findFirst().ifPresent(agent -> line.put("agent", cut(agent)));
        exchange.notes().forEach((key, value) -> put(line, key, value));
        var text = ascii(Body.line(line));
        lines.accept(text.length() <= MOST_LINE ? text : shortened(exchange, status));
    }

    private static void put(ObjectNode line, String key, Object value) {
        if (value instanceof Number number) {
            line.put(key, number.longValue());
        } else {
            line.put(key, cut(value.toString()));
        }
    }

    private static String shortened(Exchange exchange, int status) {
        return Body.line(Body.object()
                .put("time", Instant.now().toString())
                .put("id", exchange.id())
                .put("status", status)
                .put("shortened", true));
    }

    private static String cut(String value) {
        return value.length() <= MOST_FIELD ? value : value.substring(0, MOST_FIELD);
    }

    /// Everything beyond ASCII as an escape: a line stays one line whatever reads it.
    private static String ascii(String json) {
        var text = new StringBuilder(json.length());
        for (var i = 0; i < json.length(); i++) {
            var letter = json.charAt(i);
            if (letter >= 0x20 && letter < 0x7f) {
                text.append(letter);
            } else {
                text.append("\\u").append(String.format(Locale.ROOT, "%04x", (int) letter));
            }
        }
        return text.toString();
    }
}
