package dev.lowrank.compress.method;

import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import java.util.List;

/// Axes that a residual stream keeps, and what they make of all that reads and writes it.
///
/// With `P [d, d']` of orthonormal columns the stream `h` becomes `h P`. Norms must not see the change. An
/// RMS norm divides by `R = √(‖h‖²/d + ε)`; over the `d'` numbers of `h P`, with `ε' = ε d/d'`, it divides
/// by `R' = √(‖h P‖²/d' + ε d/d')`, which is `√(d/d') R` wherever the axes hold all of `h`. So `√(d/d') h P
/// / R'` is `h P / R`, exactly. That gain goes into the linears behind the norm together with the norm's
/// own weight `g`; what stays of the norm is the constant 1, which every element type stores exactly. What
/// the axes do not hold is missing in `R'` as well.
///
/// @param basis `P`, F64 `[hidden, width]`
/// @param kept share of the second moment that lies in the axes, 0 to 1
public record StreamAxes(Tensor basis, double kept) implements TensorOwner {
    /// `√(d/d')`, what the linears behind a norm are multiplied by.
    public double gain() {
        return Math.sqrt((double) basis.size(0) / basis.size(1));
    }

    /// The epsilon of a norm over the narrow stream.
    ///
    /// @param epsilon of the norm over the whole one
    public static double epsilon(double epsilon, int hidden, int width) {
        return epsilon * hidden / width;
    }

    /// A linear that reads the normalised stream, `√(d/d') W diag(g) P`.
    ///
    /// @param weight F64 `[out, hidden]`
    /// @param scale `g`, F64 `[hidden]`
    /// @return F64 `[out, width]`, in the innermost scope
    public Tensor reader(Tensor weight, Tensor scale) {
        return weight.mul(scale).matmul(basis).mul(gain());
    }

    /// A linear that adds to the stream, `Pᵀ W`.
    ///
    /// @param weight F64 `[hidden, in]`
    /// @return F64 `[width, in]`, in the innermost scope
    public Tensor writer(Tensor weight) {
        return basis.t().matmul(weight);
    }

    /// Vectors of the stream, `h P`: embeddings, or the bias of a linear that adds to it.
    ///
    /// @param rows F64 `[count, hidden]`
    /// @return F64 `[count, width]`, in the innermost scope
    public Tensor rows(Tensor rows) {
        return rows.matmul(basis);
    }

    /// Relative error of the normalised stream, `√(lost / all)`.
    public double relativeError() {
        return Math.sqrt(Math.max(0, 1 - kept));
    }

    @Override
    public List<Tensor> tensors() {
        return List.of(basis);
    }
}
