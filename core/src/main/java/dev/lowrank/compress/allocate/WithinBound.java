package dev.lowrank.compress.allocate;

import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// The smallest share of the targets at which a quality of the model stays within a bound: another
/// allocator spends each share that is tried, and one decomposition serves all trials.
///
/// The share is found by bisection, since a larger share rarely loses more; what is returned was measured
/// to be within the bound, whatever the shape of the curve. The problem's own budget is not looked at.
///
/// @param inner spends the shares
/// @param unit what a share counts
/// @param bound what is measured of a trial, and what of it is enough
public record WithinBound(Allocator inner, CostUnit unit, QualityBound bound) implements Allocator {
    private static final int TRIALS = 9;
    private static final double SMALLEST_SHARE = 0.05;

    @Override
    public AllocatorInfo info() {
        var of = inner.info();
        var needs = EnumSet.noneOf(Sensitivity.class);
        needs.addAll(bound.needs());
        needs.addAll(of.needs());
        return new AllocatorInfo(of.id(), of.title() + ", as far as a bound on quality allows", of.paper(), needs);
    }

    @Override
    public Allocation allocate(AllocationProblem problem) {
        problem.require(info().id(), info().needs());
        var best = share(problem, 1);
        var dense = bound.measure(problem, best);
        var reached = dense;
        var share = 1.0;
        var low = SMALLEST_SHARE;
        for (var trial = 0; trial < TRIALS; trial++) {
            var middle = (low + share) / 2;
            var candidate = spendable(problem, middle);
            var measured = candidate == null ? Double.NaN : bound.measure(problem, candidate);
            if (candidate != null && bound.holds(dense, measured)) {
                best = candidate;
                reached = measured;
                share = middle;
            } else {
                low = middle;
            }
        }
        return best.withNotes(List.of(String.format(
                Locale.ROOT, "kept %.4f of the targets' %s: %s", share, unit.id(), bound.describe(dense, reached))));
    }

    /// Null where the share is below what the sites cost at their smallest rank.
    private @Nullable Allocation spendable(AllocationProblem problem, double share) {
        try {
            return share(problem, share);
        } catch (IllegalArgumentException tooSmall) {
            return null;
        }
    }

    private Allocation share(AllocationProblem problem, double share) {
        return inner.allocate(problem.withBudget(new Budget.Share(unit, KeepRatio.keep(share))));
    }
}
