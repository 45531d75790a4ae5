package dev.lowrank.text;

import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Which ids begin and end a text or hide a token, and the names of the special tokens that templates use
/// (`bos_token`, `eos_token`, ...).
record SpecialIds(
        OptionalInt bos, OptionalInt eos, OptionalInt mask, Set<Integer> endOfText, Map<String, String> names) {
    private static final String[] NAMES = {
        "bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token"
    };

    static SpecialIds of(TokenizerFiles files, Vocabulary vocabulary) {
        var config = files.json(TokenizerFiles.CONFIG);
        var map = files.json(TokenizerFiles.SPECIAL_TOKENS);
        var generation = files.json(TokenizerFiles.GENERATION);
        var model = files.json(TokenizerFiles.MODEL_CONFIG);
        var names = new LinkedHashMap<String, String>();
        for (var name : NAMES) {
            var token = token(config.get(name));
            token = token == null ? token(map.get(name)) : token;
            if (token != null) {
                names.put(name, token);
            }
        }
        var eos = new LinkedHashSet<Integer>();
        addToken(eos, names.get("eos_token"), vocabulary);
        addIds(eos, generation.get("eos_token_id"));
        addIds(eos, model.get("eos_token_id"));
        var bos = new LinkedHashSet<Integer>();
        addToken(bos, names.get("bos_token"), vocabulary);
        addIds(bos, generation.get("bos_token_id"));
        addIds(bos, model.get("bos_token_id"));
        var mask = new LinkedHashSet<Integer>();
        addToken(mask, names.get("mask_token"), vocabulary);
        return new SpecialIds(first(bos), first(eos), first(mask), Set.copyOf(eos), Map.copyOf(names));
    }

    private static OptionalInt first(Set<Integer> ids) {
        return ids.isEmpty()
                ? OptionalInt.empty()
                : OptionalInt.of(ids.iterator().next());
    }

    private static @Nullable String token(@Nullable JsonNode node) {
        if (node instanceof ObjectNode object) {
            return token(object.get("content"));
        }
        return node != null && node.isString() ? node.stringValue() : null;
    }

    private static void addIds(Set<Integer> ids, @Nullable JsonNode node) {
        if (node != null && node.isArray()) {
            node.forEach(id -> addIds(ids, id));
        } else if (node != null && node.isInt() && node.intValue() >= 0) {
            ids.add(node.intValue());
        }
    }

    private static void addToken(Set<Integer> ids, @Nullable String token, Vocabulary vocabulary) {
        if (token == null) {
            return;
        }
        var added = vocabulary.added().get(token);
        if (added != null) {
            ids.add(added);
            return;
        }
        for (var id = 0; id < vocabulary.tokens().length; id++) {
            if (token.equals(vocabulary.tokens()[id])) {
                ids.add(id);
                return;
            }
        }
    }
}
