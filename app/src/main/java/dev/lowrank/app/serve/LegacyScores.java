package dev.lowrank.app.serve;

import dev.lowrank.generate.TokenScore;
import dev.lowrank.text.Tokenizer;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Log-probabilities as completions tell them: four lists of equal length.
final class LegacyScores {
    private final Tokenizer tokenizer;
    private ObjectNode document = Body.object();
    private int offset;

    LegacyScores(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
        clear();
    }

    private void clear() {
        document = Body.object();
        for (var name : List.of("tokens", "token_logprobs", "top_logprobs", "text_offset")) {
            document.putArray(name);
        }
    }

    private ArrayNode list(String name) {
        return document.withArray(name);
    }

    /// The first token of a prompt, before which nothing is known.
    void first(int token) {
        list("token_logprobs").addNull();
        list("top_logprobs").addNull();
        place(token);
    }

    void add(TokenScore score) {
        list("token_logprobs").add(score.logProbability());
        var top = list("top_logprobs").addObject();
        for (var other : score.top()) {
            var name = tokenizer.decode(new int[] {other.token()});
            // Two parts of code points have the same text: the likelier one stays.
            if (!top.has(name)) {
                top.put(name, other.logProbability());
            }
        }
        place(score.token());
    }

    private void place(int token) {
        var text = tokenizer.decode(new int[] {token});
        list("tokens").add(text);
        list("text_offset").add(offset);
        offset += text.length();
    }

    boolean isEmpty() {
        return list("tokens").isEmpty();
    }

    /// What was added since the last time.
    ObjectNode take() {
        var taken = document;
        clear();
        return taken;
    }
}
