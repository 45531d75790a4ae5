package dev.lowrank.compress.method;

import dev.lowrank.compress.statistics.Shrinkage;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.tensor.TensorScope;
import java.util.List;
import java.util.Set;

/// Truncation-aware data whitening: dropping a singular value costs exactly that value in output error.
///
/// Metrics: `R = I`, `G = Σ x xᵀ`. Source: Wang et al., SVD-LLM, arXiv:2403.07378, section 3.1. Deviations:
/// `B` is orthonormal and `A = Bᵀ W`, which is the same matrix without an inverse; a relative ladder
/// replaces the absolute shift on a failed Cholesky; statistics are exact in F64 across batches; the
/// paper's sequential update is not part of it.
///
/// @param centred whether the mean input is taken out and given back by a bias, which the paper does not
/// @param shrinkage of `G`
record SvdLlm(boolean centred, Shrinkage shrinkage) implements SiteMethod {
    private static final MethodInfo INFO = new MethodInfo(
            "svd-llm", "truncation-aware whitened SVD", "arXiv:2403.07378", Set.of(Statistic.SECOND_MOMENT));

    @Override
    public List<String> options() {
        return InputMetric.options(centred ? List.of("--centred") : List.of(), shrinkage);
    }

    @Override
    public MethodInfo info() {
        return INFO.centred(centred);
    }

    @Override
    public Shrinkage inputShrinkage() {
        return shrinkage;
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
