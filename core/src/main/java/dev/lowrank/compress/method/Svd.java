package dev.lowrank.compress.method;

import java.util.Set;

/// Truncated singular value decomposition of the weight itself, blind to data: the baseline that every
/// paper beats.
///
/// Metrics: `R = I`, `G = I`. Source: Eckart and Young, Psychometrika 1936. Deviation: none.
record Svd() implements SiteMethod {
    private static final MethodInfo INFO =
            new MethodInfo("svd", "truncated SVD of the weight", "Eckart and Young 1936", Set.of());

    @Override
    public MethodInfo info() {
        return INFO;
    }

    @Override
    public Decomposition decompose(Problem problem) {
        return Projection.plain(problem.weight());
    }
}
