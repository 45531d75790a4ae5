package dev.lowrank.compress.sensitivity;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Finite;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Sums, over tokens, of what dropping components of a site's decomposition does to the loss.
///
/// With `W = Σ_i B_i A_i` and `A = Dᵀ W`, a token whose output is `y = W x` and whose loss has the gradient
/// `g` there changes its loss by `a_i = −(g·B_i)(A_i·x) = −(g·B_i)(D_i·y)`, to first order, if component
/// `i` is dropped. Where labels are drawn from the model itself, `E[½ (Σ_{i>r} a_i)²]`
/// is the second-order expansion of the KL divergence between the predictions of the whole and the cut
/// model (the Fisher matrix is the Hessian of the divergence), so one backward pass gives a curve over all
/// ranks. With the text's own labels, `E[a_i]` is the change of the loss itself (ZS-SVD).
///
/// Products are in the type of the basis, sums over components in F32, sums over tokens in F64.
public final class SiteSensitivity implements TensorOwner {
    private final Basis basis;
    private final Tensor squares;
    private final Tensor changes;
    private long tokens;

    private SiteSensitivity(Basis basis, Tensor squares, Tensor changes) {
        this.basis = basis;
        this.squares = squares;
        this.changes = changes;
    }

    /// Starts with nothing seen.
    ///
    /// @param basis what was prepared for the site; borrowed, several threads may share it
    /// @param store owner of the sums
    public static SiteSensitivity start(Basis basis, TensorStore store) {
        return TensorScope.tidy(() -> {
            var k = basis.reversed().size(1);
            return store.keep(new SiteSensitivity(basis, Tensors.zeros(DType.F64, k), Tensors.zeros(DType.F64, k)));
        });
    }

    /// What is the same for all tokens of a site.
    ///
    /// @param reversed F32 or BF16 `[out, k]`, columns `B_i`, the least important first
    /// @param dual likewise, columns `D_i` in the same order; the same tensor for an orthonormal
    ///     basis
    /// @param offset F32 `[out]`, what is taken off an output before components are dropped (bias, and the
    ///     mean that the method gives back by a bias); null for nothing
    public record Basis(
            Tensor reversed, Tensor dual, @Nullable Tensor offset) implements TensorOwner {
        @Override
        public List<Tensor> tensors() {
            return offset == null ? List.of(reversed, dual) : List.of(reversed, dual, offset);
        }
    }

    /// Adds tokens.
    ///
    /// @param output F32 `[tokens, out]`, bias included
    /// @param gradient F32 `[tokens, out]`, of the loss summed over tokens
    public void add(Tensor output, Tensor gradient) {
        TensorScope.tidyRun(() -> {
            var centred = basis.offset() == null ? output : output.sub(basis.offset());
            var dropped = product(gradient, basis.reversed()).mul_(product(centred, basis.dual())); // [tokens, k]
            changes.add_(dropped.sum(0, false).to(DType.F64).neg());
            var tails = dropped.cumsum(1); // column j: the j + 1 smallest components dropped
            squares.add_(tails.square().sum(0, false).to(DType.F64));
        });
        tokens += output.size(0);
    }

    /// In the type of the basis.
    private static Tensor product(Tensor rows, Tensor columns) {
        return rows.to(columns.dtype()).matmul(columns).to(DType.F32);
    }

    /// Adds what another has seen.
    public void add(SiteSensitivity other) {
        squares.add_(other.squares);
        changes.add_(other.changes);
        tokens += other.tokens;
    }

    /// The estimated divergence in nats per token if the leading `r` components are kept.
    ///
    /// @param subject names the site in errors
    /// @return `[k + 1]`, for `r` from 0 to `k`
    /// @throws dev.lowrank.tensor.NumericalException if a gradient was not finite
    public double[] divergence(String subject) {
        var sums = values(squares, subject);
        var k = sums.length;
        var curve = new double[k + 1];
        for (var dropped = 1; dropped <= k; dropped++) {
            curve[k - dropped] = 0.5 * sums[dropped - 1] / tokens;
        }
        return curve;
    }

    /// The mean change of the loss, to first order, in nats per token, if one component alone is dropped.
    ///
    /// @param subject names the site in errors
    /// @return `[k]`, in falling order of the components
    public double[] firstOrder(String subject) {
        var sums = values(changes, subject);
        var result = new double[sums.length];
        for (var i = 0; i < result.length; i++) {
            result[i] = sums[sums.length - 1 - i] / tokens;
        }
        return result;
    }

    private static double[] values(Tensor sums, String subject) {
        return Finite.check(sums, "loss gradients at " + subject).toDoubles();
    }

    @Override
    public List<Tensor> tensors() {
        return List.of(squares, changes);
    }
}
