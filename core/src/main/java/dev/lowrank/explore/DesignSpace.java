package dev.lowrank.explore;

import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import java.math.BigInteger;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;

/// The choices that a low-rank model is made by: a set of layers, a set of tensors that is cut in each of
/// them, and one rank. Source: Characterizing the accuracy-efficiency trade-off of low-rank decomposition
/// in language models, IISWC 2024, arXiv:2405.06626.
///
/// @param layers that may be cut, ascending
/// @param tensors that may be cut in them, in execution order
/// @param sites all linears of these, in execution order
/// @param mostRank the largest rank that saves anything anywhere
public record DesignSpace(List<Integer> layers, List<Role> tensors, List<LinearSite> sites, int mostRank) {
    public DesignSpace {
        layers = List.copyOf(layers);
        tensors = List.copyOf(tensors);
        sites = List.copyOf(sites);
        if (sites.isEmpty() || mostRank < 1) {
            throw new IllegalArgumentException("A design space has at least one site and one rank, but was given "
                    + sites.size() + " sites and " + mostRank + " ranks; leave something to cut");
        }
    }

    /// The space of some sites.
    public static DesignSpace of(List<LinearSite> sites, int mostRank) {
        return new DesignSpace(
                sites.stream().map(LinearSite::layer).distinct().sorted().toList(),
                sites.stream().map(LinearSite::role).distinct().toList(),
                sites,
                mostRank);
    }

    /// Number of choices: `2^layers · 2^tensors · ranks`.
    public BigInteger size() {
        return atOneRank().multiply(BigInteger.valueOf(mostRank));
    }

    /// Number of choices once the rank is fixed: `2^(layers + tensors)`.
    public BigInteger atOneRank() {
        return BigInteger.ONE.shiftLeft(exponent());
    }

    /// Number of different models at one rank: without a layer or without a tensor nothing is cut.
    public BigInteger modelsAtOneRank() {
        return subsets(layers).multiply(subsets(tensors)).add(BigInteger.ONE);
    }

    private static BigInteger subsets(Collection<?> all) {
        return BigInteger.ONE.shiftLeft(all.size()).subtract(BigInteger.ONE);
    }

    /// The logarithm to base 2 of [#atOneRank].
    public int exponent() {
        return layers.size() + tensors.size();
    }

    /// One choice.
    ///
    /// @param someLayers of this space
    /// @param someTensors of this space
    /// @param rank wanted; a site whose matrix has no such rank is left out
    public Configuration choose(Set<Integer> someLayers, Set<Role> someTensors, int rank) {
        var ranks = new TreeMap<String, Integer>();
        for (var site : sites) {
            if (someLayers.contains(site.layer())
                    && someTensors.contains(site.role())
                    && rank <= Math.min(site.out(), site.in())) {
                ranks.put(site.name(), rank);
            }
        }
        return new Configuration(ranks);
    }
}
