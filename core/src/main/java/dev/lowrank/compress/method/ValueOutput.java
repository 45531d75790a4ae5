package dev.lowrank.compress.method;

import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.PsdFactor;
import dev.lowrank.tensor.Svd;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/// The best narrower value and output matrices of one key/value head: what the value head adds to the
/// residual stream, through every query head of its group, is kept to the best rank `k`.
///
/// With `W_v [d, in]`, the output columns `W_o,h [out, d]` of the group's heads stacked to `P [group out,
/// d]` and `C_v = Σ v vᵀ`, let `PᵀP = L Lᵀ` and `C_v = R Rᵀ`. The singular values `σ` of `Lᵀ R [d, d]` are
/// those of `P W_v` on the tokens; with `U` its leading left vectors, `W_v' = Uᵀ Lᵀ W_v` and `W_o,h' =
/// W_o,h L⁻ᵀ U` lose `Σ_{i>k} σ_i²`, which no other rank-`k` product undercuts. Source: MoDeGPT, Lin et
/// al., arXiv:2408.09632, algorithm 3. Deviations: with grouped queries one decomposition is optimal for
/// all heads of the group, where the paper truncates the values alone; `C_v` is measured with the value's
/// bias, which is then cut along.
///
/// @param down `T [k, d]`: value rows become `T W_v`, their bias `T b_v`
/// @param up `[d, k]`: output columns become `W_o,h up`
/// @param dropped `Σ_{i>k} σ_i²`
/// @param energy `Σ σ_i²`
/// @param notes fallbacks that were taken
record ValueOutput(Tensor down, Tensor up, double dropped, double energy, List<String> notes) implements TensorOwner {
    /// Decomposes, in the innermost scope.
    ///
    /// @param values `C_v`, F64 `[d, d]`
    /// @param outputs `W_o,h` of the group, F64 `[out, d]` each
    /// @param rank `k`, from 1 to `d`
    /// @param subject names the module in errors
    static ValueOutput of(Tensor values, List<Tensor> outputs, int rank, String subject) {
        return of(values, outputs, rank, subject, Linalg::svd);
    }

    /// The same with its decomposition given, so that a test can make it take a fallback.
    static ValueOutput of(Tensor values, List<Tensor> outputs, int rank, String subject, Function<Tensor, Svd> solver) {
        return TensorScope.tidy(() -> {
            var stacked = Tensors.cat(outputs, 0);
            var left = PsdFactor.of(stacked.t().matmul(stacked), subject);
            var right = PsdFactor.of(values, subject);
            var svd = solver.apply(left.factor().t().matmul(right.factor()));
            var basis = svd.u().narrow(1, 0, rank); // [d, k]
            var singular = svd.s().toDoubles();
            var dropped = 0.0;
            var energy = 0.0;
            for (var i = 0; i < singular.length; i++) {
                energy += singular[i] * singular[i];
                dropped += i < rank ? 0 : singular[i] * singular[i];
            }
            var notes = new ArrayList<>(left.notes());
            notes.addAll(right.notes());
            notes.addAll(svd.fallbacks());
            return new ValueOutput(
                    basis.t().matmul(left.factor().t()).contiguous(),
                    left.solveTransposed(basis.contiguous()),
                    dropped,
                    energy,
                    notes);
        });
    }

    @Override
    public List<Tensor> tensors() {
        return List.of(down, up);
    }
}
