package dev.lowrank.compress.statistics;

import dev.lowrank.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// What was measured at one site, F64 tensors borrowed from the block's collector.
///
/// @param tokens calibration tokens seen
/// @param mean mean input `[in]`; null if not asked for
/// @param meanAbs mean magnitude of the input `[in]`; null if not asked for
/// @param moment second moment; null if not asked for
/// @param outputGradient mean outer product of the loss gradient at the output `[out, out]`; null if not
///     asked for
public record SiteStatistics(
        long tokens,
        @Nullable Tensor mean,
        @Nullable Tensor meanAbs,
        @Nullable SecondMoment moment,
        @Nullable Tensor outputGradient) {

    /// Statistics of a method that needs none.
    public static SiteStatistics none() {
        return new SiteStatistics(0, null, null, null, null);
    }

    /// Statistics of a second moment alone.
    public static SiteStatistics of(long tokens, SecondMoment moment) {
        return new SiteStatistics(tokens, null, null, moment, null);
    }

    /// The mean input, which the method must have asked for.
    public Tensor requireMean() {
        return require(mean, Statistic.MEAN);
    }

    /// The mean magnitude, which the method must have asked for.
    public Tensor requireMeanAbs() {
        return require(meanAbs, Statistic.MEAN_ABS);
    }

    /// The second moment, which the method must have asked for.
    public SecondMoment requireMoment() {
        return require(moment, Statistic.SECOND_MOMENT);
    }

    /// The second moment of the output's gradient, which the method must have asked for.
    public Tensor requireOutputGradient() {
        return require(outputGradient, Statistic.OUTPUT_GRADIENT);
    }

    /// With another second moment.
    public SiteStatistics withMoment(SecondMoment other) {
        return new SiteStatistics(tokens, mean, meanAbs, other, outputGradient);
    }

    /// With the second moment of the output's gradient.
    public SiteStatistics withOutputGradient(Tensor moment) {
        return new SiteStatistics(tokens, mean, meanAbs, this.moment, moment);
    }

    private static <T> T require(@Nullable T value, Statistic statistic) {
        if (value == null) {
            throw new IllegalStateException("The method did not declare that it needs " + statistic);
        }
        return value;
    }
}
