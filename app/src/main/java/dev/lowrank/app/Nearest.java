package dev.lowrank.app;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/// The known name that a mistyped one most likely meant.
final class Nearest {
    private Nearest() {}

    /// The candidate with the smallest edit distance, if at most a third of the longer name's letters (and
    /// at least two)
    /// would have to change.
    ///
    /// @param typed what the user wrote
    /// @param candidates what there is
    static Optional<String> to(String typed, Collection<String> candidates) {
        return candidates.stream()
                .filter(candidate -> distance(typed, candidate) <= allowed(typed, candidate))
                .min(Comparator.<String>comparingInt(candidate -> distance(typed, candidate))
                        .thenComparing(Comparator.naturalOrder()));
    }

    /// A remedy that offers the nearest name, or lists all of them.
    ///
    /// @param kind plural of what is named, e.g. `methods`
    static String remedy(String typed, String kind, Collection<String> candidates) {
        var known = "Known " + kind + ": " + String.join(", ", candidates) + ".";
        return to(typed, candidates)
                .map(name -> "Did you mean " + name + "? " + known)
                .orElse(known);
    }

    private static int allowed(String typed, String candidate) {
        return Math.max(2, Math.max(typed.length(), candidate.length()) / 3);
    }

    /// Letters to insert, delete, replace or swap with their neighbour; case does not count.
    private static int distance(String typed, String candidate) {
        var from = typed.toLowerCase(Locale.ROOT);
        var to = candidate.toLowerCase(Locale.ROOT);
        var cost = new int[from.length() + 1][to.length() + 1];
        for (var i = 0; i <= from.length(); i++) {
            for (var j = 0; j <= to.length(); j++) {
                cost[i][j] = cell(cost, from, to, i, j);
            }
        }
        return cost[from.length()][to.length()];
    }

    private static int cell(int[][] cost, String from, String to, int i, int j) {
        if (i == 0 || j == 0) {
            return i + j;
        }
        var replaced = cost[i - 1][j - 1] + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
        var best = Math.min(replaced, Math.min(cost[i - 1][j], cost[i][j - 1]) + 1);
        var swapped =
                i > 1 && j > 1 && from.charAt(i - 1) == to.charAt(j - 2) && from.charAt(i - 2) == to.charAt(j - 1);
        return swapped ? Math.min(best, cost[i - 2][j - 2] + 1) : best;
    }
}
