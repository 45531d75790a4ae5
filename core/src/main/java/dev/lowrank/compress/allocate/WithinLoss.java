package dev.lowrank.compress.allocate;

import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// The smallest share of the targets at which the validation perplexity stays within a bound: another
/// allocator spends each share that is tried, and one decomposition serves all trials.
///
/// The share is found by bisection, since a larger share rarely loses more; what is returned was measured
/// to be within the bound, whatever the shape of the curve. The problem's own budget is not looked at. What
/// is measured are trials, not what is written in the end.
///
/// @param inner spends the shares
/// @param unit what a share counts
/// @param increase largest relative increase of perplexity, e.g. 0.01
public record WithinLoss(Allocator inner, CostUnit unit, double increase) implements Allocator {
    private static final int TRIALS = 9;
    private static final double SMALLEST_SHARE = 0.05;

    public WithinLoss {
        if (!(increase > 0 && increase < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                    "--max-perplexity-increase must be above 0, e.g. 1%, but was " + 100 * increase + "%");
        }
    }

    /// The bound on the loss, in nats per token.
    public double nats() {
        return Math.log1p(increase);
    }

    /// The same with another bound.
    ///
    /// @param nats on the loss; 0 for an allocator that cuts nothing
    public Allocator bounding(double nats) {
        return nats > 0 ? new WithinLoss(inner, unit, Math.expm1(nats)) : new Nothing(this);
    }

    /// Keeps every site as it is.
    private record Nothing(WithinLoss bounded) implements Allocator {
        @Override
        public AllocatorInfo info() {
            return bounded.info();
        }

        @Override
        public Allocation allocate(AllocationProblem problem) {
            return bounded.share(problem, 1).withPredictedLoss(0);
        }
    }

    @Override
    public AllocatorInfo info() {
        var of = inner.info();
        var needs = EnumSet.of(Sensitivity.TRIAL_LOSS);
        needs.addAll(of.needs());
        return new AllocatorInfo(of.id(), of.title() + ", as far as a bound on perplexity allows", of.paper(), needs);
    }

    @Override
    public Allocation allocate(AllocationProblem problem) {
        problem.require(info().id(), info().needs());
        var best = share(problem, 1);
        var dense = problem.trialLoss(best);
        var bound = dense + Math.log1p(increase);
        var loss = dense;
        var share = 1.0;
        var low = SMALLEST_SHARE;
        for (var trial = 0; trial < TRIALS; trial++) {
            var middle = (low + share) / 2;
            var candidate = spendable(problem, middle);
            var measured = candidate == null ? Double.POSITIVE_INFINITY : problem.trialLoss(candidate);
            if (candidate != null && measured <= bound) {
                best = candidate;
                loss = measured;
                share = middle;
            } else {
                low = middle;
            }
        }
        return best.withPredictedLoss(loss - dense).withNotes(List.of(String.format(
                Locale.ROOT,
                "kept %.4f of the targets' %s: validation perplexity %.4f to %.4f as tried (%+.2f %%, allowed %+.2f %%)",
                share,
                unit.id(),
                Math.exp(dense),
                Math.exp(loss),
                100 * Math.expm1(loss - dense),
                100 * increase)));
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
