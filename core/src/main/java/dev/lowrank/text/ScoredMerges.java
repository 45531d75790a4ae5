package dev.lowrank.text;

import dev.lowrank.text.GgufTokenizers.Merge;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/// The merges that a scored vocabulary implies: every cut of a token into two tokens, the better-scored
/// result first. Among equal results the order is that of the Hugging Face converter: longer left part,
/// then longer right part, then the smaller ids.
final class ScoredMerges {
    private ScoredMerges() {}

    private record Cut(Merge merge, float score, int id, int leftId, int rightId) {
        int leftLength() {
            return merge.left().codePointCount(0, merge.left().length());
        }

        int rightLength() {
            return merge.right().codePointCount(0, merge.right().length());
        }
    }

    static List<Merge> of(GgufVocabulary v, Map<String, Integer> ids) {
        var scores = v.scores();
        var types = v.types();
        var cuts = new ArrayList<Cut>();
        for (var id = 0; id < v.tokens().size(); id++) {
            if (types.length == 0 || types[id] == GgufTokenizers.NORMAL || types[id] == GgufTokenizers.USER_DEFINED) {
                addCuts(cuts, v.tokens().get(id), id, scores[id], ids);
            }
        }
        // The sort is stable: cuts of one token stay in the order of their parts' ids.
        cuts.sort(Comparator.comparingDouble(Cut::score)
                .reversed()
                .thenComparing(Comparator.comparingInt(Cut::leftLength).reversed())
                .thenComparing(Comparator.comparingInt(Cut::rightLength).reversed())
                .thenComparingInt(Cut::id)
                .thenComparingInt(Cut::leftId)
                .thenComparingInt(Cut::rightId));
        return cuts.stream().map(Cut::merge).toList();
    }

    private static void addCuts(List<Cut> cuts, String token, int id, float score, Map<String, Integer> ids) {
        for (var at = 1; at < token.length(); at++) {
            if (Character.isLowSurrogate(token.charAt(at))) {
                continue;
            }
            var left = ids.get(token.substring(0, at));
            var right = ids.get(token.substring(at));
            if (left != null && right != null) {
                cuts.add(new Cut(new Merge(token.substring(0, at), token.substring(at)), score, id, left, right));
            }
        }
    }
}
