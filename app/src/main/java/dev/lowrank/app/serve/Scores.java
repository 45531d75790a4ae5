package dev.lowrank.app.serve;

import dev.lowrank.generate.TokenScore;
import dev.lowrank.text.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Log-probabilities as chat answers tell them.
final class Scores {
    private Scores() {}

    /// `{"content": [{"token", "logprob", "bytes", "top_logprobs"}]}`.
    static ObjectNode chat(List<TokenScore> scores, Tokenizer tokenizer) {
        var document = Body.object();
        var content = document.putArray("content");
        for (var score : scores) {
            var entry = token(content, tokenizer, score.token(), score.logProbability());
            var top = entry.putArray("top_logprobs");
            score.top().forEach(other -> token(top, tokenizer, other.token(), other.logProbability()));
        }
        document.putNull("refusal");
        return document;
    }

    private static ObjectNode token(ArrayNode list, Tokenizer tokenizer, int id, double logProbability) {
        var text = tokenizer.decode(new int[] {id});
        var entry = list.addObject().put("token", text).put("logprob", logProbability);
        if (text.indexOf('\uFFFD') >= 0) {
            // Part of a code point: it has no text of its own.
            entry.putNull("bytes");
        } else {
            var bytes = entry.putArray("bytes");
            for (var value : text.getBytes(StandardCharsets.UTF_8)) {
                bytes.add(value & 0xff);
            }
        }
        return entry;
    }
}
