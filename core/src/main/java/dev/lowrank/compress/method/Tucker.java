package dev.lowrank.compress.method;

import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.Svd;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/// Tucker-2 by higher-order orthogonal iteration: `W ≈ U₂ core U₁ᵀ` with orthonormal `U₁ [in, r]`, `U₂
/// [out, r]`.
///
/// On a matrix the iteration, started from the singular vectors, is at its fixed point at once and the core
/// is the diagonal of the leading singular values, so this equals truncated SVD with an avoidable `r²`
/// core: that is why the storage form `factored` absorbs it. Source: Characterizing the accuracy-efficiency
/// trade-off of low-rank decomposition in language models, IISWC 2024, arXiv:2405.06626; De Lathauwer et
/// al. 2000 for the iteration. Deviation: F64 throughout.
record Tucker() implements SiteMethod {
    private static final int MOST_ITERATIONS = 50;
    /// Relative change of the core's norm at which the iteration stops.
    private static final double CONVERGED = 1e-12;

    private static final MethodInfo INFO =
            new MethodInfo("tucker", "Tucker-2 by orthogonal iteration", "arXiv:2405.06626", Set.of());

    @Override
    public MethodInfo info() {
        return INFO;
    }

    @Override
    public Decomposition decompose(Problem problem) {
        return Projection.plain(problem.weight());
    }

    @Override
    public Factors cut(Decomposition decomposition, int rank) {
        return cut(decomposition, rank, Linalg::svd);
    }

    /// The iteration with its decomposition given, so that a test can make it take a fallback.
    static Factors cut(Decomposition decomposition, int rank, Function<Tensor, Svd> solver) {
        return TensorScope.tidy(() -> {
            var notes = new LinkedHashSet<String>();
            var leftBasis = (UnaryOperator<Tensor>) tall -> {
                var svd = solver.apply(tall);
                notes.addAll(svd.fallbacks());
                return svd.u();
            };
            var weight = decomposition.b().matmul(decomposition.a());
            var u2 = decomposition.b().narrow(1, 0, rank);
            var u1 = leftBasis.apply(weight.t().matmul(u2));
            var norm = -1.0;
            for (var i = 0; i < MOST_ITERATIONS; i++) {
                u2 = leftBasis.apply(weight.matmul(u1));
                u1 = leftBasis.apply(weight.t().matmul(u2));
                var next = u2.t().matmul(weight).matmul(u1).norm().item();
                if (Math.abs(next - norm) <= CONVERGED * next) {
                    break;
                }
                norm = next;
            }
            return new Factors(u2, u2.t().matmul(weight).matmul(u1), u1.t(), List.copyOf(notes));
        });
    }
}
