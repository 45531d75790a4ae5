package dev.lowrank.compress.allocate;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The multiple-choice knapsack by branch and bound: the plan of [ConvexSpending], made better as long as
/// anything is.
///
/// Site by site, partial plans are kept that no other beats in both cost and loss. A partial plan is given
/// up where even the lower bound of its completion, which takes the last edge of the hulls of the remaining
/// sites in part, is no better than the best plan known. As long as that leaves at most [#MOST] partial
/// plans at every site the result is the optimum; where there are more, those with the lowest bounds go on,
/// and the result is no worse than the plan it starts from. Choosing among types makes ladders with few
/// steps of very different gains, where what one edge leaves unspent counts.
///
/// Source: textbook (Kellerer, Pferschy, Pisinger, Knapsack Problems, chapter 11).
final class BestSpending {
    /// Most partial plans that go on to the next site.
    private static final int MOST = 1024;

    private final Ladders ladders;
    private final double[][] losses;
    private final int[] low;
    private final int[] high;
    private final Suffix[] suffixes;

    /// The first sites up to one of them, as they were chosen.
    private record Partial(@Nullable Partial before, int rung, long cost, double loss, double bound) {}

    /// What the sites from one on cost and lose at least: at their lowest rungs, and along their edges.
    private record Suffix(long cost, double loss, List<ConvexSpending.Edge> edges) {
        /// Lower bound of the loss within an amount.
        double bound(long amount) {
            var left = amount - cost;
            var least = loss;
            for (var edge : edges) {
                if (edge.cost() >= left) {
                    return least + edge.slope() * left;
                }
                left -= edge.cost();
                least += edge.slope() * edge.cost();
            }
            return least;
        }
    }

    private BestSpending(Ladders ladders, double[][] losses, int[] low, int[] high) {
        this.ladders = ladders;
        this.losses = losses;
        this.low = low;
        this.high = high;
        this.suffixes = suffixes(ConvexSpending.edges(ladders, losses, low, high));
    }

    /// Spends the budget; parameters as in [ConvexSpending#spend].
    static int[] spend(Ladders ladders, double[][] losses, int[] low, int[] high) {
        var start = ConvexSpending.spend(ladders, losses, low, high);
        return new BestSpending(ladders, losses, low, high).better(start);
    }

    private Suffix[] suffixes(List<ConvexSpending.Edge> edges) {
        var all = new Suffix[low.length + 1];
        all[low.length] = new Suffix(0, 0, List.of());
        for (var i = low.length - 1; i >= 0; i--) {
            var first = i;
            all[i] = new Suffix(
                    all[i + 1].cost + ladders.get(i).cost(low[i]),
                    all[i + 1].loss + losses[i][low[i]],
                    edges.stream().filter(edge -> edge.site() >= first).toList());
        }
        return all;
    }

    private int[] better(int[] start) {
        var known = Curves.total(losses, start);
        var root = new Partial(null, -1, 0, 0, suffixes[0].bound(ladders.limit()));
        var partials = List.of(root);
        for (var site = 0; site < low.length && !partials.isEmpty(); site++) {
            partials = fewest(undominated(extended(partials, site, known)));
        }
        return partials.stream()
                .min(Comparator.comparingDouble(Partial::loss))
                .map(this::rungs)
                .orElse(start);
    }

    private List<Partial> extended(List<Partial> partials, int site, double known) {
        var ladder = ladders.get(site);
        var rest = suffixes[site + 1];
        var extended = new ArrayList<Partial>();
        for (var partial : partials) {
            for (var rung = low[site]; rung <= high[site]; rung++) {
                var cost = partial.cost + ladder.cost(rung);
                if (cost + rest.cost > ladders.limit()) {
                    break;
                }
                var loss = partial.loss + losses[site][rung];
                var bound = loss + rest.bound(ladders.limit() - cost);
                if (bound < known) {
                    extended.add(new Partial(partial, rung, cost, loss, bound));
                }
            }
        }
        return extended;
    }

    private static List<Partial> undominated(List<Partial> partials) {
        partials.sort(Comparator.comparingLong(Partial::cost).thenComparingDouble(Partial::loss));
        var kept = new ArrayList<Partial>();
        for (var partial : partials) {
            if (kept.isEmpty() || partial.loss < kept.getLast().loss) {
                kept.add(partial);
            }
        }
        return kept;
    }

    private static List<Partial> fewest(List<Partial> partials) {
        return partials.size() <= MOST
                ? partials
                : partials.stream()
                        .sorted(Comparator.comparingDouble(Partial::bound))
                        .limit(MOST)
                        .toList();
    }

    private int[] rungs(Partial last) {
        var rungs = new int[low.length];
        var partial = last;
        for (var site = low.length - 1; site >= 0; site--) {
            rungs[site] = partial.rung;
            partial = Objects.requireNonNull(partial.before);
        }
        return rungs;
    }
}
