package dev.lowrank.text;

import dev.lowrank.text.TextException.Code;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.filter.FilteringParserDelegate;
import tools.jackson.core.filter.TokenFilter;
import tools.jackson.core.filter.TokenFilter.Inclusion;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// JSON with limits: depth 64, numbers of 1000 digits, strings of 32 million characters, no key twice.
final class Json {
    private static final int MAX_DEPTH = 64;
    private static final int MAX_STRING = 32_000_000;

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MAX_DEPTH)
                            .maxNumberLength(1000)
                            .maxStringLength(MAX_STRING)
                            .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private Json() {}

    static ObjectNode readObject(byte[] bytes, String file, Code onFault) {
        return asObject(read(() -> MAPPER.readTree(bytes), file, onFault), file, onFault);
    }

    /// The same without one field of one of its objects, which costs no nodes then.
    static ObjectNode readObjectWithout(String object, String field, byte[] bytes, String file, Code onFault) {
        var filter = new Within(object, new Within(field, null));
        return asObject(read(() -> readTree(bytes, filter), file, onFault), file, onFault);
    }

    private static JsonNode readTree(byte[] bytes, TokenFilter filter) {
        try (var parser =
                new FilteringParserDelegate(MAPPER.createParser(bytes), filter, Inclusion.INCLUDE_ALL_AND_PATH, true)) {
            if (parser.nextToken() == null) {
                return MAPPER.missingNode();
            }
            return MAPPER.readTree(parser);
        }
    }

    static ObjectNode readObject(String text, String file, Code onFault) {
        return asObject(read(() -> MAPPER.readTree(text), file, onFault), file, onFault);
    }

    /// The same as maps, lists, strings, booleans, numbers and nulls.
    static Map<String, @Nullable Object> toMap(ObjectNode object) {
        Map<String, @Nullable Object> fields = new LinkedHashMap<>();
        object.properties()
                .forEach(field -> fields.put(field.getKey(), MAPPER.convertValue(field.getValue(), Object.class)));
        return fields;
    }

    static byte[] write(JsonNode node) {
        return MAPPER.writeValueAsBytes(node);
    }

    static ObjectNode object() {
        return JsonNodeFactory.instance.objectNode();
    }

    private static ObjectNode asObject(JsonNode node, String file, Code onFault) {
        if (node instanceof ObjectNode object) {
            return object;
        }
        throw new TextException(onFault, file, "holds a JSON " + node.getNodeType() + "; a JSON object is expected.");
    }

    private static JsonNode read(Source source, String file, Code onFault) {
        try {
            return source.read();
        } catch (StreamConstraintsException e) {
            throw new TextException(Code.JSON_LIMIT, file, "goes past a JSON limit: " + e.getOriginalMessage(), e);
        } catch (JacksonException e) {
            var duplicate = e.getOriginalMessage().startsWith("Duplicate");
            throw new TextException(
                    duplicate ? Code.JSON_LIMIT : onFault, file, "is not valid JSON: " + firstLine(e), e);
        }
    }

    private static String firstLine(JacksonException e) {
        var location = e.getLocation();
        var at = location == null ? "" : " (line " + location.getLineNr() + ", column " + location.getColumnNr() + ")";
        return e.getOriginalMessage().lines().findFirst().orElse("unreadable") + at;
    }

    /// Everything, but what stands in one field through another filter, or not at all.
    private static final class Within extends TokenFilter {
        private final String field;
        private final @Nullable TokenFilter filter;

        Within(String field, @Nullable TokenFilter filter) {
            this.field = field;
            this.filter = filter;
        }

        @Override
        public @Nullable TokenFilter includeProperty(String name) {
            return name.equals(field) ? filter : INCLUDE_ALL;
        }

        @Override
        public TokenFilter includeElement(int index) {
            return INCLUDE_ALL;
        }

        @Override
        public boolean includeEmptyObject(boolean contentsFiltered) {
            return true;
        }

        @Override
        public boolean includeEmptyArray(boolean contentsFiltered) {
            return true;
        }
    }

    private interface Source {
        JsonNode read();
    }
}
