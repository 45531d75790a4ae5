package dev.lowrank.text;

import dev.lowrank.text.TextException.Code;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The token strings of a `tokenizer.json`, by id, and which of them are special.
@SuppressWarnings("ArrayRecordComponent") // never leaves the package, and a list would cost more than the tokens
record Vocabulary(@Nullable String[] tokens, Map<String, Integer> added, Set<String> specials) {
    /// No published vocabulary is larger than a tenth of this.
    private static final int MAX_ID = 4_000_000;

    private static final int MAX_TOKEN = 1 << 16;

    static Vocabulary of(ObjectNode tokenizer) {
        var ids = new LinkedHashMap<String, Integer>();
        var model = tokenizer.get("model");
        var vocabulary = model == null ? null : model.get("vocab");
        if (vocabulary instanceof ObjectNode map) {
            for (var entry : map.properties()) {
                ids.put(entry.getKey(), id(entry.getKey(), entry.getValue()));
            }
        } else if (vocabulary != null && vocabulary.isArray()) {
            var id = 0;
            for (var entry : vocabulary) {
                ids.putIfAbsent(entry.path(0).asString(""), id++);
            }
        } else {
            throw new TextException(
                    Code.TOK_FORMAT, TokenizerFiles.TOKENIZER, "has no `model.vocab`; is it a tokenizer's file?");
        }
        var specials = new LinkedHashSet<String>();
        var added = new LinkedHashMap<String, Integer>();
        for (var token : tokenizer.path("added_tokens")) {
            var content = content(token);
            added.put(content, ids.getOrDefault(content, id(content, token.get("id"))));
            if (token.path("special").asBoolean(false)) {
                specials.add(content);
            }
        }
        return new Vocabulary(byId(ids, added), added, specials);
    }

    private static String content(JsonNode token) {
        var content = token.path("content").asString("");
        if (content.isEmpty() || content.length() > MAX_TOKEN) {
            throw new TextException(
                    Code.TOK_LIMIT,
                    TokenizerFiles.TOKENIZER,
                    "an added token has " + content.length() + " characters; 1 to " + MAX_TOKEN + " are allowed.");
        }
        return content;
    }

    private static int id(String token, @Nullable JsonNode node) {
        if (node == null || !node.isInt() || node.intValue() < 0 || node.intValue() >= MAX_ID) {
            throw new TextException(
                    Code.TOK_VOCAB,
                    TokenizerFiles.TOKENIZER,
                    "token " + quote(token) + " has id " + node + "; a whole number in [0, " + MAX_ID
                            + ") is expected.");
        }
        return node.intValue();
    }

    private static @Nullable String[] byId(Map<String, Integer> ids, Map<String, Integer> added) {
        var size = 0;
        for (var id : ids.values()) {
            size = Math.max(size, id + 1);
        }
        for (var id : added.values()) {
            size = Math.max(size, id + 1);
        }
        var tokens = new @Nullable String[size];
        for (var entry : ids.entrySet()) {
            var other = tokens[entry.getValue()];
            if (other != null) {
                throw new TextException(
                        Code.TOK_VOCAB,
                        TokenizerFiles.TOKENIZER,
                        "tokens " + quote(other) + " and " + quote(entry.getKey()) + " share id " + entry.getValue()
                                + ".");
            }
            tokens[entry.getValue()] = entry.getKey();
        }
        added.forEach((token, id) -> tokens[id] = token);
        return tokens;
    }

    private static String quote(String token) {
        return "'" + (token.length() > 40 ? token.substring(0, 40) + "..." : token) + "'";
    }
}
