package dev.lowrank.app.serve;

import dev.lowrank.generate.TokenConstraint;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// What form the answer must have: `response_format`.
final class ResponseFormat {
    private ResponseFormat() {}

    /// @return null where any text will do
    static @Nullable Supplier<TokenConstraint> read(Fields fields, ServedModel model) {
        var format = fields.fields("response_format");
        if (format.isEmpty() || format.get().text("type").orElse("").equals("text")) {
            return null;
        }
        throw ApiException.unsupported(
                "response_format",
                "Only {\"type\": \"text\"} is possible with this model; the answer would not be bound");
    }
}
