package dev.lowrank.compress.allocate;

import java.util.List;
import java.util.Set;

/// The smallest rank that keeps a share of the squared singular values: `min r: Σ_{i≤r} σ_i² ≥ τ Σ σ_i²`.
/// The share is either given, or the one that meets the budget, found by bisection. Ranks go up to the rank
/// multiple, so that the share is kept.
///
/// In the method's own metric, where `Σ_{i>r} σ_i²` is the error of the site's output; on a raw weight the
/// rule says little. Source: the threshold of TRP, Xu et al., arXiv:2004.14566, there 0.9 while training.
///
/// @param share in (0, 1]; NaN for the share that meets the budget
record Energy(double share) implements Allocator {
    private static final AllocatorInfo INFO = new AllocatorInfo(
            "energy", "one share of every site's energy", "arXiv:2004.14566", Set.of(Sensitivity.SPECTRUM));

    Energy {
        if (!Double.isNaN(share) && !(share > 0 && share <= 1)) {
            throw new IllegalArgumentException("--energy is a share in (0, 1], but was " + share);
        }
    }

    @Override
    public AllocatorInfo info() {
        return INFO;
    }

    @Override
    public boolean spends() {
        return Double.isNaN(share);
    }

    @Override
    public List<String> options() {
        return Double.isNaN(share) ? Allocator.super.options() : List.of("--energy", Double.toString(share));
    }

    @Override
    public Allocation allocate(AllocationProblem problem) {
        problem.require(INFO.id(), INFO.needs());
        if (!Double.isNaN(share)) {
            return PerSite.allocate(problem, PerSite.Rounding.UP, (evidence, _) -> rank(evidence.singular(), share));
        }
        var ladders = Ladders.of(problem);
        if (ladders.affordDense()) {
            return ladders.allocation(ladders.dense());
        }
        return ladders.allocation(ladders.meet(tau -> rungs(ladders, tau), 0, 1, "the energy rule"));
    }

    private static int[] rungs(Ladders ladders, double tau) {
        var rungs = new int[ladders.sites()];
        for (var i = 0; i < rungs.length; i++) {
            var ladder = ladders.get(i);
            rungs[i] = ladder.holding(rank(ladder.evidence().singular(), tau));
        }
        return rungs;
    }

    /// @return between 1 and the number of values
    static int rank(double[] singular, double share) {
        var total = 0.0;
        for (var value : singular) {
            total += value * value;
        }
        var kept = 0.0;
        for (var i = 0; i < singular.length; i++) {
            kept += singular[i] * singular[i];
            if (kept >= share * total) {
                return i + 1;
            }
        }
        return singular.length;
    }
}
