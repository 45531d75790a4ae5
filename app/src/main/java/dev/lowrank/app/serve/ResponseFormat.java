package dev.lowrank.app.serve;

import dev.lowrank.generate.TokenConstraint;
import dev.lowrank.generate.schema.SchemaException;
import dev.lowrank.text.TextException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// What form the answer must have: `response_format`. A schema that cannot be held to is refused; nothing
/// is generated that ignores a part of it.
final class ResponseFormat {
    private static final String NAME = "response_format";

    private ResponseFormat() {}

    /// @return null where any text will do
    static @Nullable Supplier<TokenConstraint> read(Fields fields, ServedModel model) {
        var format = fields.fields(NAME).orElse(null);
        if (format == null) {
            return null;
        }
        return switch (format.text("type").orElse("")) {
            case "text" -> null;
            case "json_object" -> bound(model, Body.object().put("type", "object"));
            case "json_schema" -> bound(model, schema(format));
            default -> throw format.wrong("type", "'text', 'json_object' or 'json_schema'");
        };
    }

    private static JsonNode schema(Fields format) {
        var described = format.fields("json_schema").orElseThrow(() -> format.wrong("json_schema", "an object"));
        if (!described.has("schema")) {
            throw described.wrong("schema", "a JSON schema");
        }
        return described.node("schema");
    }

    private static Supplier<TokenConstraint> bound(ServedModel model, JsonNode schema) {
        try {
            return model.grammars().of(schema)::start;
        } catch (SchemaException | TextException refused) {
            throw ApiException.bad(NAME, String.valueOf(refused.getMessage()));
        }
    }
}
