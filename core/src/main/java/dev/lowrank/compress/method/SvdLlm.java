package dev.lowrank.compress.method;

import dev.lowrank.compress.statistics.Statistic;
import java.util.Set;

/// Truncation-aware data whitening: dropping a singular value costs exactly that value in output error.
///
/// Metrics: `R = I`, `G = Σ x xᵀ`. Source: Wang et al., SVD-LLM, arXiv:2403.07378, section 3.1. Deviations:
/// `B` is orthonormal and `A = Bᵀ W`, which is the same matrix without an inverse; a relative ladder
/// replaces the absolute shift on a failed Cholesky; statistics are exact in F64 across batches; the
/// paper's sequential update is not part of it.
record SvdLlm() implements SiteMethod {
    private static final MethodInfo INFO = new MethodInfo(
            "svd-llm", "truncation-aware whitened SVD", "arXiv:2403.07378", Set.of(Statistic.SECOND_MOMENT));

    @Override
    public MethodInfo info() {
        return INFO;
    }

    @Override
    public Decomposition decompose(Problem problem) {
        return Projection.whitened(
                problem.weight(), problem.statistics(), false, problem.site().name());
    }
}
