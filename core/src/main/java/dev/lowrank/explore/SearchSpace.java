package dev.lowrank.explore;

import dev.lowrank.compress.allocate.Allocation;
import dev.lowrank.compress.allocate.Ladder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;

/// A rank for every site by itself: what a search moves in. A point is an `int[]` with the place of each
/// site on its ladder; the top is the dense matrix.
///
/// @param ladders of all sites, in execution order
public record SearchSpace(List<Ladder> ladders) {
    public SearchSpace {
        ladders = List.copyOf(ladders);
    }

    /// Number of sites.
    public int sites() {
        return ladders.size();
    }

    /// Every site dense.
    public int[] dense() {
        return ladders.stream().mapToInt(Ladder::dense).toArray();
    }

    /// Every site at its lowest rank.
    public int[] lowest() {
        return new int[sites()];
    }

    /// The configuration of a point.
    public Configuration configuration(int[] point) {
        var ranks = new TreeMap<String, Integer>();
        for (var i = 0; i < point.length; i++) {
            var ladder = ladders.get(i);
            if (!ladder.isDense(point[i])) {
                ranks.put(ladder.site().name(), ladder.rank(point[i]));
            }
        }
        return new Configuration(ranks);
    }

    /// The point of an allocation; a rank between two places is taken up to the next.
    public int[] point(Allocation allocation) {
        return ladders.stream()
                .mapToInt(ladder -> {
                    var choice = allocation.of(ladder.site());
                    return choice.isDense() ? ladder.dense() : ladder.holding(choice.rank());
                })
                .toArray();
    }

    /// What the sites of a point cost together, in the unit of the ladders.
    public long cost(int[] point) {
        var sum = 0L;
        for (var i = 0; i < point.length; i++) {
            sum += ladders.get(i).cost(point[i]);
        }
        return sum;
    }

    /// What each site of a point costs, as a share of its dense cost.
    public double[] shares(int[] point) {
        var shares = new double[point.length];
        for (var i = 0; i < point.length; i++) {
            shares[i] = (double) ladders.get(i).cost(point[i]) / ladders.get(i).denseCost();
        }
        return shares;
    }

    /// The point nearest below some shares of the sites' dense costs.
    public int[] within(double[] shares) {
        var point = new int[shares.length];
        for (var i = 0; i < point.length; i++) {
            point[i] = ladders.get(i).within(shares[i] * ladders.get(i).denseCost());
        }
        return point;
    }

    /// Sites that a search treats alike: the same kind of linear in neighbouring layers.
    ///
    /// @param most groups at most, where that can be: never fewer than there are kinds
    /// @return places of sites, in a fixed order; no group is empty
    public List<int[]> groups(int most) {
        var kinds = (int)
                ladders.stream().map(ladder -> ladder.site().role()).distinct().count();
        var layers = 1
                + ladders.stream()
                        .mapToInt(ladder -> ladder.site().layer())
                        .max()
                        .orElse(0);
        var depths = Math.clamp(most / kinds, 1, layers);
        var groups = new TreeMap<String, List<Integer>>();
        for (var i = 0; i < ladders.size(); i++) {
            var site = ladders.get(i).site();
            var depth = (int) ((long) site.layer() * depths / layers);
            groups.computeIfAbsent(site.role().id() + "/" + depth, any -> new ArrayList<>())
                    .add(i);
        }
        return groups.values().stream()
                .map(group -> group.stream().mapToInt(Integer::intValue).toArray())
                .toList();
    }

    /// Whether two points are the same.
    static boolean same(int[] one, int[] other) {
        return Arrays.equals(one, other);
    }
}
