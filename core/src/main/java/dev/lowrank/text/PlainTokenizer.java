package dev.lowrank.text;

import java.util.HashSet;
import java.util.Set;
import java.util.function.Predicate;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// A tokenizer's description without its special tokens: the same splits and merges, and no way to reach a
/// special id.
final class PlainTokenizer {
    private PlainTokenizer() {}

    /// @param tokenizer a parsed `tokenizer.json`; changed in place
    static ObjectNode withoutSpecials(ObjectNode tokenizer, Vocabulary vocabulary) {
        var specials = vocabulary.specials();
        if (tokenizer.get("added_tokens") instanceof ArrayNode added) {
            removeIf(added, token -> specials.contains(token.path("content").asString("")));
        }
        // The post-processor names tokens that may now be gone, and is not used.
        tokenizer.putNull("post_processor");
        if (tokenizer.get("model") instanceof ObjectNode model && model.get("vocab") instanceof ObjectNode map) {
            var unreachable = new HashSet<>(specials);
            unreachable.remove(model.path("unk_token").asString(""));
            if (model.get("merges") instanceof ArrayNode merges) {
                removeIf(merges, merge -> touches(merge, specials));
            }
            unreachable.forEach(map::remove);
        }
        return tokenizer;
    }

    private static boolean touches(JsonNode merge, Set<String> specials) {
        var text = merge.isString() ? merge.stringValue() : "";
        var space = text.indexOf(' ', 1);
        var left = merge.isString()
                ? text.substring(0, Math.max(space, 0))
                : merge.path(0).asString("");
        var right = merge.isString() ? text.substring(space + 1) : merge.path(1).asString("");
        return specials.contains(left) || specials.contains(right) || specials.contains(left + right);
    }

    private static void removeIf(ArrayNode array, Predicate<JsonNode> condition) {
        for (var i = array.iterator(); i.hasNext(); ) {
            if (condition.test(i.next())) {
                i.remove();
            }
        }
    }
}
