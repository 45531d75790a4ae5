package dev.lowrank.compress.allocate;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// Ranks that were decided elsewhere, site by site; sites without one stay dense, and so do those where the
/// rank saves nothing. It takes a budget only as a check.
///
/// @param ranks by the names of sites, each at least 1
/// @param source where the ranks came from: what `--site-ranks` named
public record GivenRanks(Map<String, Integer> ranks, String source) implements Allocator {
    private static final AllocatorInfo INFO =
            new AllocatorInfo("site-ranks", "ranks given site by site", "own", Set.of());

    public GivenRanks {
        ranks = new TreeMap<>(ranks);
        ranks.forEach((site, rank) -> {
            if (rank < 1) {
                throw new IllegalArgumentException("The rank of " + site + " in " + source
                        + " must be at least 1, but was " + rank + "; leave the site out to keep it dense");
            }
        });
    }

    @Override
    public Map<String, Integer> ranks() {
        return new TreeMap<>(ranks);
    }

    @Override
    public AllocatorInfo info() {
        return INFO;
    }

    @Override
    public boolean spends() {
        return false;
    }

    @Override
    public List<String> options() {
        return List.of("--site-ranks", source);
    }

    /// Sites of `ranks` that the problem does not have are an error: they would be left out in silence.
    @Override
    public Allocation allocate(AllocationProblem problem) {
        var unknown = new TreeMap<>(ranks);
        problem.evidence().forEach(one -> unknown.remove(one.site().name()));
        if (!unknown.isEmpty()) {
            throw new IllegalArgumentException(source + " gives " + unknown.firstKey()
                    + " a rank, which is no target here; name sites as `lowrank inspect` does, and leave out what"
                    + " --targets and --protect exclude");
        }
        return PerSite.allocate(problem, PerSite.Rounding.DOWN, (evidence, _) -> {
            var site = evidence.site();
            var most = Math.min(site.out(), site.in());
            var rank = ranks.getOrDefault(site.name(), most);
            if (rank > most) {
                throw new IllegalArgumentException(source + " gives " + site.name() + " [" + site.out() + ", "
                        + site.in() + "] a rank of " + rank + "; it has at most " + most);
            }
            return rank;
        });
    }
}
