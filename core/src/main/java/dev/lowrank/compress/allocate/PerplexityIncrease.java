package dev.lowrank.compress.allocate;

import java.util.Locale;
import java.util.Set;

/// The perplexity on the validation text may rise by some share.
///
/// @param increase largest relative increase, e.g. 0.01
public record PerplexityIncrease(double increase) implements QualityBound {
    public PerplexityIncrease {
        if (!(increase > 0)) {
            throw new IllegalArgumentException(
                    "--max-perplexity-increase must be above 0, e.g. 1%, but was " + 100 * increase + "%");
        }
    }

    @Override
    public Set<Sensitivity> needs() {
        return Set.of(Sensitivity.TRIAL_LOSS);
    }

    /// The validation loss, in nats per token.
    @Override
    public double measure(AllocationProblem problem, Allocation candidate) {
        return problem.trialLoss(candidate);
    }

    @Override
    public boolean holds(double dense, double cut) {
        return cut <= dense + Math.log1p(increase);
    }

    @Override
    public String describe(double dense, double cut) {
        return String.format(
                Locale.ROOT,
                "validation perplexity %.4f to %.4f (%+.2f %%, allowed %+.2f %%)",
                Math.exp(dense),
                Math.exp(cut),
                100 * Math.expm1(cut - dense),
                100 * increase);
    }
}
