package dev.lowrank.compress.quantize;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.Linalg.Side;
import dev.lowrank.tensor.Linalg.Transposition;
import dev.lowrank.tensor.Linalg.Triangle;
import dev.lowrank.tensor.PsdFactor;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What errors in a matrix weigh: an error `E` costs `tr(E G Eᵀ)` with the second moment `G` of the inputs.
///
/// @param moment `G`, F64 `[in, in]`
/// @param feedback `U` with `(G + λ I)⁻¹ = Uᵀ U`, F64 upper triangular `[in, in]`: row `j` says what an
///     error in column `j` asks of the columns behind it
public record RoundingMetric(Tensor moment, Tensor feedback) implements TensorOwner {
    /// `λ` as a share of the mean diagonal of `G`.
    static final double DAMPING = 1e-2;

    /// The metric of a moment, in the innermost scope.
    ///
    /// @param moment F64 `[in, in]`
    /// @param subject names it in errors
    /// @throws dev.lowrank.tensor.NumericalException if it is not finite or not positive semi-definite
    public static RoundingMetric of(Tensor moment, String subject) {
        return TensorScope.tidy(() -> {
            var n = moment.size(0);
            var level = DAMPING * moment.diagonal().mean().item();
            var damped = moment.add(Tensors.eye(DType.F64, n).mul(level));
            // Factored from the last channel on, G + λI = M Mᵀ with M upper triangular, so that U = M⁻¹.
            var backwards = damped.flip(0).flip(1).contiguous();
            var upper =
                    PsdFactor.of(backwards, subject).factor().flip(0).flip(1).contiguous();
            var feedback = Linalg.solveTriangular(
                    upper, Tensors.eye(DType.F64, n), Triangle.UPPER, Side.LEFT, Transposition.NONE);
            return new RoundingMetric(moment.copy(), feedback.contiguous());
        });
    }

    /// What an error costs.
    ///
    /// @param error F64 `[out, in]`
    public double cost(Tensor error) {
        return cost(error, moment);
    }

    /// What an error costs; its square where there is no metric.
    static double cost(Tensor error, @Nullable RoundingMetric metric) {
        return metric == null ? error.square().sum().item() : metric.cost(error);
    }

    static double cost(Tensor error, Tensor moment) {
        try (var _ = TensorScope.open()) {
            return Math.max(0, error.matmul(moment).mul(error).sum().item());
        }
    }

    /// What a squared error in each column costs, F64 `[in]`, in the innermost scope.
    ///
    /// @param passed whether the columns behind it make up for it as far as they can
    Tensor costs(boolean passed) {
        return passed ? feedback.diagonal().pow(-2) : moment.diagonal().contiguous();
    }

    @Override
    public List<Tensor> tensors() {
        return List.of(moment, feedback);
    }
}
