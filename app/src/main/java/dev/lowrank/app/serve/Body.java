package dev.lowrank.app.serve;

import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Bodies: JSON that is read without trust (no key twice, depth 64, nothing after the end) and written.
final class Body {
    private static final int MOST_DEPTH = 64;

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MOST_DEPTH)
                            .maxNumberLength(100)
                            .maxNameLength(1000)
                            .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private Body() {}

    /// Reads a request.
    ///
    /// @throws ApiException 400 if it is no JSON object
    static Fields read(byte[] bytes) {
        JsonNode node;
        try {
            node = MAPPER.readTree(bytes);
        } catch (JacksonException broken) {
            throw ApiException.bad(null, "The body is not the JSON that is expected: " + broken.getOriginalMessage());
        }
        if (node instanceof ObjectNode object) {
            return new Fields(object, "");
        }
        throw ApiException.bad(null, "The body must be a JSON object");
    }

    static ObjectNode object() {
        return JsonNodeFactory.instance.objectNode();
    }

    static byte[] write(JsonNode node) {
        return MAPPER.writeValueAsBytes(node);
    }

    /// On one line.
    static String line(JsonNode node) {
        return MAPPER.writeValueAsString(node);
    }
}
