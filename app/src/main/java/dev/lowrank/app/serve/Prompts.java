package dev.lowrank.app.serve;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// Reads the prompts of a completion: a string, strings, token ids, or lists of token ids.
final class Prompts {
    private static final int MOST = 128;

    private Prompts() {}

    /// @return token ids of each prompt, none empty
    static List<int[]> read(Fields fields, ServedModel model) {
        return read(
                fields, "prompt", text -> tokens(text, model), model.tokenizer().vocabularySize(), MOST);
    }

    /// Makes ids of one text.
    @FunctionalInterface
    interface Encoder {
        int[] encode(String text);
    }

    /// The same of another field.
    ///
    /// @param most how many there may be
    static List<int[]> read(Fields fields, String name, Encoder encoder, int vocabulary, int most) {
        var node = fields.node(name);
        if (node.isString()) {
            return List.of(encoder.encode(node.asString()));
        }
        if (!node.isArray() || node.isEmpty()) {
            throw fields.wrong(name, "a string, a list of strings, or token ids");
        }
        if (node.get(0).isNumber()) {
            return List.of(ids(fields, name, node, vocabulary));
        }
        if (node.size() > most) {
            throw fields.wrong(name, "a list of at most " + most + " texts");
        }
        var prompts = new ArrayList<int[]>();
        for (var element : node) {
            if (element.isString()) {
                prompts.add(encoder.encode(element.asString()));
            } else if (element.isArray() && !element.isEmpty()) {
                prompts.add(ids(fields, name, element, vocabulary));
            } else {
                throw fields.wrong(name, "a list of strings or of lists of token ids");
            }
        }
        return prompts;
    }

    private static int[] ids(Fields fields, String name, JsonNode list, int vocabulary) {
        var ids = new int[list.size()];
        for (var i = 0; i < ids.length; i++) {
            var id = list.get(i);
            if (!id.isIntegralNumber() || !id.canConvertToInt() || id.asInt() < 0 || id.asInt() >= vocabulary) {
                throw fields.wrong(name, "token ids from 0 to " + (vocabulary - 1));
            }
            ids[i] = id.asInt();
        }
        return ids;
    }

    /// A text's tokens with what the tokenizer puts before a text; for an empty text the token that begins
    /// one.
    private static int[] tokens(String text, ServedModel model) {
        var tokenizer = model.tokenizer();
        var ids = model.tokens("prompt", text.length(), () -> tokenizer.encodeWithSpecials(text));
        return ids.length > 0 ? ids : new int[] {tokenizer.prefixToken()};
    }
}
