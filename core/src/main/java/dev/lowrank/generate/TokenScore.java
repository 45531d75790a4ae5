package dev.lowrank.generate;

import java.util.ArrayList;
import java.util.List;

/// How likely a token was.
///
/// @param token its id
/// @param logProbability natural logarithm, F64 over F32 logits
/// @param top the most likely tokens at its place, the likeliest first; among equals the lower id
public record TokenScore(int token, double logProbability, List<Candidate> top) {
    /// One of the most likely tokens.
    public record Candidate(int token, double logProbability) {}

    public TokenScore {
        top = List.copyOf(top);
    }

    /// Scores a token.
    ///
    /// @param logits of its place
    /// @param most how many of the most likely tokens are named
    /// @param vocabulary tokens that have a text; no other one is named
    static TokenScore of(float[] logits, int token, int most, int vocabulary) {
        var normaliser = normaliser(logits);
        return new TokenScore(token, logits[token] - normaliser, top(logits, most, vocabulary, normaliser));
    }

    private static double normaliser(float[] logits) {
        var largest = Float.NEGATIVE_INFINITY;
        for (var logit : logits) {
            largest = Math.max(largest, logit);
        }
        var sum = 0.0;
        for (var logit : logits) {
            sum += Math.exp((double) logit - largest);
        }
        return largest + Math.log(sum);
    }

    private static List<Candidate> top(float[] logits, int most, int vocabulary, double normaliser) {
        var ids = new int[most];
        var filled = 0;
        for (var id = 0; id < Math.min(vocabulary, logits.length) && most > 0; id++) {
            if (filled == most && !(logits[id] > logits[ids[most - 1]])) {
                continue;
            }
            var at = filled < most ? filled++ : most - 1;
            while (at > 0 && logits[id] > logits[ids[at - 1]]) {
                ids[at] = ids[at - 1];
                at--;
            }
            ids[at] = id;
        }
        var list = new ArrayList<Candidate>(filled);
        for (var i = 0; i < filled; i++) {
            list.add(new Candidate(ids[i], logits[ids[i]] - normaliser));
        }
        return list;
    }
}
