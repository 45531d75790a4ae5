package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.DefaultIndenter;
import tools.jackson.core.util.DefaultPrettyPrinter;
import tools.jackson.core.util.Separators;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// JSON files of a checkpoint: strict UTF-8, no duplicate keys, bounded depth and sizes.
final class Json {
    private static final StreamReadConstraints LIMITS = StreamReadConstraints.builder()
            .maxNestingDepth(64)
            .maxNumberLength(1000)
            .maxStringLength(10_000_000)
            .maxNameLength(4096)
            .build();

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(LIMITS)
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private static final DefaultPrettyPrinter PRINTER = new DefaultPrettyPrinter(
                    Separators.createDefaultInstance().withObjectNameValueSpacing(Separators.Spacing.AFTER))
            .withObjectIndenter(new DefaultIndenter("  ", "\n"))
            .withArrayIndenter(new DefaultIndenter("  ", "\n"));

    private Json() {}

    static ObjectNode object() {
        return JsonNodeFactory.instance.objectNode();
    }

    /// Parses one JSON object.
    ///
    /// @param file for messages
    /// @param bytes the whole file
    /// @param bad code of a file that is not one JSON object
    /// @param limit code of a file over a limit
    static ObjectNode parse(Path file, byte[] bytes, Code bad, Code limit) {
        var node = value(file, bytes, bad, limit);
        if (node instanceof ObjectNode object) {
            return object;
        }
        throw new CheckpointException(bad, file, "Expected a JSON object, found " + node.getNodeType());
    }

    /// Parses one JSON array.
    ///
    /// @param file for messages
    /// @param bytes the whole file
    /// @param bad code of a file that is not one JSON array
    /// @param limit code of a file over a limit
    static ArrayNode parseArray(Path file, byte[] bytes, Code bad, Code limit) {
        var node = value(file, bytes, bad, limit);
        if (node instanceof ArrayNode array) {
            return array;
        }
        throw new CheckpointException(bad, file, "Expected a JSON array, found " + node.getNodeType());
    }

    private static JsonNode value(Path file, byte[] bytes, Code bad, Code limit) {
        JsonNode node;
        try {
            var text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            node = MAPPER.readTree(text.toString());
        } catch (CharacterCodingException e) {
            throw new CheckpointException(bad, file, -1, "", "The file is not UTF-8; write it again as UTF-8", e);
        } catch (StreamConstraintsException e) {
            throw new CheckpointException(limit, file, offset(e), "", "JSON over a limit: " + brief(e), e);
        } catch (JacksonException e) {
            throw new CheckpointException(bad, file, offset(e), "", "Not valid JSON: " + brief(e), e);
        }
        return node;
    }

    static byte[] write(ObjectNode node) {
        return (MAPPER.writer().with(PRINTER).writeValueAsString(node) + "\n").getBytes(StandardCharsets.UTF_8);
    }

    static String brief(JacksonException e) {
        return Printable.escape(e.getOriginalMessage());
    }

    static long offset(JacksonException e) {
        return e.getLocation() == null ? -1 : e.getLocation().getCharOffset();
    }
}
