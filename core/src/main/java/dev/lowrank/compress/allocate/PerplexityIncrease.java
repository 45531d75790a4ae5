package dev.lowrank.compress.allocate;

import java.util.List;
import java.util.Locale;
import java.util.Set;

/// The perplexity on the validation text may rise by some share.
///
/// @param increase largest relative increase, e.g. 0.01
public record PerplexityIncrease(double increase) implements QualityBound {
    public PerplexityIncrease {
        if (!(increase > 0 && increase < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                    "--max-perplexity-increase must be above 0, e.g. 1%, but was " + 100 * increase + "%");
        }
    }

    /// From a bound on the loss.
    ///
    /// @param nats largest increase, in nats per token
    public static PerplexityIncrease ofNats(double nats) {
        return new PerplexityIncrease(Math.expm1(nats));
    }

    /// The bound on the loss, in nats per token.
    public double nats() {
        return Math.log1p(increase);
    }

    @Override
    public double predictedLoss(double dense, double cut) {
        return cut - dense;
    }

    @Override
    public Set<Sensitivity> needs() {
        return Set.of(Sensitivity.TRIAL_LOSS);
    }

    @Override
    public List<String> options() {
        return List.of("--max-perplexity-increase", Double.toString(increase));
    }

    /// The validation loss, in nats per token.
    @Override
    public double measure(AllocationProblem problem, Allocation candidate) {
        return problem.trialLoss(candidate);
    }

    @Override
    public boolean holds(double dense, double cut) {
        return cut <= dense + nats();
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
