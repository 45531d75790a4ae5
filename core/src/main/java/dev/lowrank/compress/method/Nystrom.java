package dev.lowrank.compress.method;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.PsdFactor;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Keeps some hidden channels of an MLP and lets the next matrix reconstruct the others from them.
///
/// With `C = Σ h hᵀ` and `S` the kept columns, `W h ≈ W C S (Sᵀ C S)⁻¹ h_S`; the squared error over the
/// tokens is `tr W (C − C S (Sᵀ C S)⁻¹ Sᵀ C) Wᵀ`. Kept are the channels of the largest ridge leverage
/// `diag C (C + λ I)⁻¹ = 1 − λ diag (C + λ I)⁻¹`. Source: MoDeGPT, Lin et al., arXiv:2408.09632, algorithm
/// 1. Deviation: `λ` is relative to the mean of the diagonal.
///
/// @param channels I64 `[k]`, ascending
/// @param down F64 `[out, k]`, the next matrix
/// @param relativeError `√(error / Σ ‖W h‖²)`
/// @param notes fallbacks that were taken
record Nystrom(Tensor channels, Tensor down, double relativeError, List<String> notes) implements TensorOwner {
    /// Chooses channels and fits the next matrix, in the innermost scope.
    ///
    /// @param gram `C`, F64 `[n, n]`
    /// @param weight `W`, F64 `[out, n]`
    /// @param count channels to keep, from 1 to `n`
    /// @param ridge `λ` as a share of the mean diagonal
    /// @param subject names the module in errors
    static Nystrom of(Tensor gram, Tensor weight, int count, double ridge, String subject) {
        return TensorScope.tidy(() -> {
            var leverages = Leverages.of(gram, ridge, subject);
            var kept = largest(leverages.values(), count);
            var notes = new ArrayList<>(leverages.notes());
            var channels = Tensors.ofLongs(kept, kept.length);
            var columns = gram.indexSelect(1, channels); // [n, k]
            var factor = PsdFactor.of(columns.indexSelect(0, channels), subject);
            notes.addAll(factor.notes());
            var half = factor.solve(columns.t()); // [k, n], its Gram is what the kept channels explain
            var down = weight.matmul(factor.solveTransposed(half).t()); // [out, k]
            var total = weight.matmul(gram).mul(weight).sum().item();
            var explained = weight.matmul(half.t()).square().sum().item();
            var error = total > 0 ? Math.sqrt(Math.max(0, total - explained) / total) : 0;
            return new Nystrom(channels, down.contiguous(), error, notes);
        });
    }

    /// Ridge leverage of every channel.
    ///
    /// @param notes fallbacks that were taken
    record Leverages(double[] values, List<String> notes) {
        static Leverages of(Tensor gram, double ridge, String subject) {
            return TensorScope.tidy(() -> {
                var level = Math.max(ridge * gram.diagonal().mean().item(), Double.MIN_NORMAL);
                var identity = Tensors.eye(DType.F64, gram.size(0));
                var factor = PsdFactor.of(gram.add(identity.mul(level)), subject);
                var inverse = factor.solve(identity).square().sum(0, false); // diag (C + λ I)⁻¹
                return new Leverages(inverse.mul(-level).add(1).toDoubles(), factor.notes());
            });
        }
    }

    /// Places of the largest values, ascending; the first among equals.
    static long[] largest(double[] values, int count) {
        var order = new Integer[values.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, (i, j) -> Double.compare(values[j], values[i]));
        return Arrays.stream(order)
                .limit(count)
                .mapToLong(Integer::longValue)
                .sorted()
                .toArray();
    }

    @Override
    public List<Tensor> tensors() {
        return List.of(channels, down);
    }
}
