package dev.lowrank.compress.allocate;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// The smallest share of the targets at which the validation perplexity stays within a bound: another
/// allocator spends each share that is tried, and one decomposition serves all trials.
///
/// The share is found by bisection, since a larger share rarely loses more; what is returned was measured
/// to be within the bound, whatever the shape of the curve. The problem's own budget is not looked at.
///
/// @param inner spends the shares
/// @param unit what a share counts
/// @param increase largest relative increase of perplexity, e.g. 0.01
public record WithinLoss(Allocator inner, CostUnit unit, double increase) implements Allocator {
    private static final int TRIALS = 9;
    private static final double SMALLEST_SHARE = 0.05;

    public WithinLoss {
        if (!inner.spends()) {
            throw new IllegalArgumentException("--max-perplexity-increase searches the share that an allocator spends,"
                    + " but " + inner.info().id() + " fixes ranks by itself; choose another allocator");
        }
        if (!(increase > 0)) {
            throw new IllegalArgumentException(
                    "--max-perplexity-increase must be above 0, e.g. 1%, but was " + 100 * increase + "%");
        }
    }

    @Override
    public List<String> options() {
        var options = new ArrayList<>(inner.options());
        options.addAll(List.of("--max-perplexity-increase", Double.toString(increase)));
        return options;
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
        var best = PerSite.dense(problem);
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
        return best.withNotes(List.of(String.format(
                Locale.ROOT,
                "kept %.4f of the targets' %s: validation perplexity %.4f to %.4f (%+.2f %%, allowed %+.2f %%)",
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
