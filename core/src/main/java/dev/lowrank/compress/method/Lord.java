package dev.lowrank.compress.method;

import dev.lowrank.compress.statistics.Shrinkage;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.tensor.TensorScope;
import java.util.Set;

/// Low-rank decomposition of output features (atomic feature mimicking): the principal components of what a
/// site puts out, its mean given back by a bias.
///
/// Metrics: `R = I`, `G = Cov(x)`; bias `b + (I − Q Qᵀ) W mean(x)`. Uncentred, it equals [SvdLlm] exactly.
/// Sources: Kaushal et al., LoRD, arXiv:2309.14021, section 3; Yu and Wu, AFM, AAAI 2023. Deviations:
/// covariance in F64 over all batches; the whole bias is added after the second factor, which is the same
/// function.
///
/// @param centred whether the mean is taken out and given back by a bias
/// @param shrinkage of the second moment
record Lord(boolean centred, Shrinkage shrinkage) implements SiteMethod {
    private static final MethodInfo INFO = new MethodInfo(
            "lord",
            "output-feature PCA with a bias (AFM)",
            "arXiv:2309.14021",
            Set.of(Statistic.SECOND_MOMENT, Statistic.MEAN));

    @Override
    public MethodInfo info() {
        return INFO;
    }

    @Override
    public boolean restoresMean() {
        return centred;
    }

    @Override
    public Decomposition decompose(Problem problem) {
        return TensorScope.tidy(() -> Projection.whitened(
                problem.weight(),
                InputMetric.of(problem, centred, shrinkage),
                problem.site().name()));
    }
}
