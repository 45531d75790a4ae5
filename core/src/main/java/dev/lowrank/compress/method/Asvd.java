package dev.lowrank.compress.method;

import dev.lowrank.compress.statistics.Statistic;
import java.util.Set;

/// Activation-aware SVD: columns are scaled by how large their channel is on average before truncation.
///
/// Metrics: `R = I`, `G = diag(s^{2α})` with `s_j = mean|x_j| + 1e-6`, `α` 0.5. Source: Yuan et al., ASVD,
/// arXiv:2312.05821, section 3.2. Deviations: the decomposition is exact where the published code uses a
/// randomised SVD without oversampling; ranks come from the run's rank rule, not from its search.
///
/// @param alpha exponent of the scale
/// @param centred whether the mean output is given back by a bias; the scale is that of the inputs as they
///     are
record Asvd(double alpha, boolean centred) implements SiteMethod {
    /// Added to every channel's mean, as the published code does, so that a dead channel still has a
    /// metric.
    private static final double FLOOR = 1e-6;

    private static final MethodInfo INFO =
            new MethodInfo("asvd", "activation-aware SVD", "arXiv:2312.05821", Set.of(Statistic.MEAN_ABS));

    @Override
    public MethodInfo info() {
        return INFO.centred(centred);
    }

    @Override
    public boolean restoresMean() {
        return centred;
    }

    @Override
    public Decomposition decompose(Problem problem) {
        var scale = problem.statistics().requireMeanAbs().add(FLOOR).pow(alpha);
        return Projection.scaled(
                problem.weight(), scale, centred ? problem.statistics().requireMean() : null);
    }
}
