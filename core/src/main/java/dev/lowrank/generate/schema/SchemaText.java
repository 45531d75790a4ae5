package dev.lowrank.generate.schema;

import java.util.ArrayDeque;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.StringNode;

/// Schemas as JSON, within limits.
final class SchemaText {
    static final int MOST_LEVELS = 64;
    private static final int MOST_NODES = 20_000;
    private static final int MOST_LETTERS = 1 << 20;
    private static final int MOST_TEXT = 1 << 18;

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MOST_LEVELS)
                            .maxNumberLength(100)
                            .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .build();

    private SchemaText() {}

    static JsonNode parse(String text) {
        if (text.length() > MOST_LETTERS) {
            throw new SchemaException(
                    "text", "#", text.length() + " letters are more than the " + MOST_LETTERS + " that are read");
        }
        try {
            return MAPPER.readTree(text);
        } catch (JacksonException fault) {
            throw new SchemaException("text", "#", "is not JSON that can be read: " + fault.getOriginalMessage());
        }
    }

    /// A schema that somebody else parsed, within the same limits.
    static void check(JsonNode schema) {
        record Open(JsonNode node, int level) {}
        var open = new ArrayDeque<Open>();
        open.add(new Open(schema, 1));
        var nodes = 0;
        var letters = 0L;
        while (!open.isEmpty()) {
            var next = open.poll();
            if (next.level() > MOST_LEVELS + 1) {
                throw new SchemaException("text", "#", "is more than " + MOST_LEVELS + " levels deep");
            }
            if (++nodes > MOST_NODES) {
                throw new SchemaException("text", "#", "has more than " + MOST_NODES + " parts");
            }
            letters += next.node().isString() ? next.node().stringValue().length() : 0;
            for (var field : next.node().propertyNames()) {
                letters += field.length();
            }
            if (letters > MOST_TEXT) {
                throw new SchemaException("text", "#", "has more than " + MOST_TEXT + " letters in names and strings");
            }
            next.node().forEach(child -> open.add(new Open(child, next.level() + 1)));
        }
    }

    /// A string as JSON writers spell it, with its quotation marks.
    static String quoted(String text) {
        return MAPPER.writeValueAsString(StringNode.valueOf(text));
    }

    /// A value as JSON writers spell it, numbers without an exponent.
    static String written(JsonNode value) {
        return value.isNumber() ? value.decimalValue().toPlainString() : MAPPER.writeValueAsString(value);
    }
}
