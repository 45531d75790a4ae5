package dev.lowrank.compress.allocate;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// The multiple-choice knapsack on lower convex hulls.
///
/// For a multiplier `λ` every site takes the rung that minimises `loss + λ cost`, a vertex of the lower
/// convex hull of its rungs. Bisection over `λ` can only end at the slope of a hull edge, so the edges of
/// all hulls are sorted and taken from the steepest on until the next no longer fits: the exact end of that
/// bisection. What is left, less than one edge, buys the rungs that gain most for what they cost, on the
/// hull or off it, as long as anything gains. The loss is therefore above the best possible by at most what
/// one edge gains.
final class ConvexSpending {
    private ConvexSpending() {}

    /// From one hull vertex of a site to the next.
    record Edge(int site, int to, long cost, double slope) {}

    /// Spends the budget.
    ///
    /// @param losses `[site][rung]`, never rising with the rung
    /// @param low the lowest rung that each site may take; together they fit the budget
    /// @param high the highest
    static int[] spend(Ladders ladders, double[][] losses, int[] low, int[] high) {
        var edges = edges(ladders, losses, low, high);
        var rungs = low.clone();
        var left = ladders.limit() - ladders.cost(low);
        for (var edge : edges) {
            if (edge.cost > left) {
                break;
            }
            rungs[edge.site] = edge.to;
            left -= edge.cost;
        }
        return spendRest(ladders, losses, rungs, high);
    }

    /// The edges of all hulls, the steepest first.
    static List<Edge> edges(Ladders ladders, double[][] losses, int[] low, int[] high) {
        var edges = new ArrayList<Edge>();
        for (var i = 0; i < losses.length; i++) {
            hull(i, ladders.get(i), losses[i], low[i], high[i], edges);
        }
        edges.sort(Comparator.comparingDouble(Edge::slope).thenComparingInt(Edge::site));
        return edges;
    }

    private static void hull(int site, Ladder ladder, double[] losses, int low, int high, List<Edge> edges) {
        var vertices = new int[high - low + 1];
        var count = 0;
        for (var rung = low; rung <= high; rung++) {
            while (count > 1
                    && slope(ladder, losses, vertices[count - 2], vertices[count - 1])
                            >= slope(ladder, losses, vertices[count - 1], rung)) {
                count--;
            }
            vertices[count++] = rung;
        }
        for (var v = 1; v < count; v++) {
            var slope = slope(ladder, losses, vertices[v - 1], vertices[v]);
            if (slope < 0) {
                var cost = ladder.cost(vertices[v]) - ladder.cost(vertices[v - 1]);
                edges.add(new Edge(site, vertices[v], cost, slope));
            }
        }
    }

    private static double slope(Ladder ladder, double[] losses, int from, int to) {
        return (losses[to] - losses[from]) / (ladder.cost(to) - ladder.cost(from));
    }

    /// Buys, again and again, the rung that gains most for its cost among those that fit.
    static int[] spendRest(Ladders ladders, double[][] losses, int[] from, int[] high) {
        var rungs = from.clone();
        var left = ladders.limit() - ladders.cost(rungs);
        while (true) {
            var site = -1;
            var to = -1;
            var steepest = 0.0;
            for (var i = 0; i < rungs.length; i++) {
                var ladder = ladders.get(i);
                for (var rung = rungs[i] + 1;
                        rung <= high[i] && ladder.cost(rung) - ladder.cost(rungs[i]) <= left;
                        rung++) {
                    var slope = slope(ladder, losses[i], rungs[i], rung);
                    if (slope < steepest) {
                        steepest = slope;
                        site = i;
                        to = rung;
                    }
                }
            }
            if (site < 0) {
                return rungs;
            }
            left -= ladders.get(site).cost(to) - ladders.get(site).cost(rungs[site]);
            rungs[site] = to;
        }
    }
}
