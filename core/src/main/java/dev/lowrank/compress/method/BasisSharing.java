package dev.lowrank.compress.method;

import dev.lowrank.compress.statistics.SecondMoment;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/// One basis for the same linear of neighbouring blocks, coefficients of each block's own.
///
/// The weights of the blocks stand below each other, `W = [W_1; W_2] [Σ out, in]`, and the metric is the
/// sum of their Gram matrices, `R = I`, `G = Σ_l Σ x_l x_lᵀ`: the error counted is that of a block's inputs
/// met by every weight of the group. Query, key, value, gate and up share; output and down have a basis
/// each. Source: Wang et al., Basis Sharing, arXiv:2410.03765, section 3. Deviations: `B` is orthonormal
/// and `A = Bᵀ W`, which is the same matrix without an inverse; a relative ladder replaces the fixed jitter
/// on a failed Cholesky; the coefficients are not refitted.
///
/// @param blocks neighbouring blocks that share, 2 in the paper
record BasisSharing(int blocks) implements SharedBasis {
    private static final MethodInfo INFO = new MethodInfo(
            "basis-sharing",
            "whitened SVD with one basis for neighbouring blocks",
            "arXiv:2410.03765",
            Set.of(Statistic.SECOND_MOMENT));

    private static final Set<Role> PRIVATE = Set.of(Role.O_PROJ, Role.DOWN_PROJ);

    BasisSharing {
        if (blocks < 1) {
            throw new IllegalArgumentException("--share-blocks must be at least 1, but was " + blocks);
        }
    }

    @Override
    public MethodInfo info() {
        return INFO;
    }

    @Override
    public boolean shares(Role role) {
        return !PRIVATE.contains(role);
    }

    @Override
    public Decomposition decompose(List<Problem> problems) {
        return TensorScope.tidy(() -> {
            var weights = new ArrayList<Tensor>();
            var names = new ArrayList<String>();
            for (var problem : problems) {
                weights.add(problem.weight());
                names.add(problem.site().name());
            }
            return Projection.whitened(
                    Tensors.cat(weights, 0), InputMetric.of(moment(problems)), String.join(" and ", names));
        });
    }

    private static SecondMoment moment(List<Problem> problems) {
        if (problems.size() == 1) {
            return problems.getFirst().statistics().requireMoment();
        }
        Tensor sum = null;
        for (var problem : problems) {
            if (!(problem.statistics().requireMoment() instanceof SecondMoment.Input(var gram))) {
                throw new IllegalStateException(
                        problem.site().name() + " was measured at its output; a shared basis needs its inputs");
            }
            sum = sum == null ? gram : sum.add(gram);
        }
        return new SecondMoment.Input(Objects.requireNonNull(sum));
    }
}
