package dev.lowrank.app.serve;

import dev.lowrank.generate.schema.Grammar;
import dev.lowrank.generate.schema.TokenTree;
import dev.lowrank.text.Tokenizer;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The forms that answers of one model were last asked to have: the same schema comes again and again, and
/// what was found out about its tokens is worth keeping.
final class Grammars {
    private static final int MOST_KEPT = 8;

    private final Tokenizer tokenizer;
    private final Map<JsonNode, Grammar> kept = new LinkedHashMap<>(MOST_KEPT, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<JsonNode, Grammar> eldest) {
            return size() > MOST_KEPT;
        }
    };
    private @Nullable TokenTree tokens;

    /// @param tokenizer of the model, borrowed
    Grammars(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /// The form of a schema.
    ///
    /// @throws dev.lowrank.generate.schema.SchemaException if it cannot be held to
    Grammar of(JsonNode schema) {
        synchronized (kept) {
            var known = kept.get(schema);
            if (known != null) {
                return known;
            }
        }
        var made = Grammar.ofSchema(schema, tokens());
        synchronized (kept) {
            kept.put(schema, made);
        }
        return made;
    }

    private TokenTree tokens() {
        synchronized (tokenizer) {
            var own = tokens;
            if (own == null) {
                own = TokenTree.of(tokenizer);
                tokens = own;
            }
            return own;
        }
    }
}
