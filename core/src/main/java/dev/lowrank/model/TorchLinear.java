package dev.lowrank.model;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A [Linear] in LibTorch's memory: applies `y = x Wᵀ + bias` to any number of rows.
///
/// @param stages applied in turn, each `[out_i, in_i]`
/// @param tail for a pivoted form, the coefficients `[out − rank, rank]` whose output is appended to that
///     of the
///     pivots
/// @param index for a pivoted form, I64 `[out]`, place of each output
/// @param bias `[out]`
record TorchLinear(
        List<Tensor> stages,
        @Nullable Tensor tail,
        @Nullable Tensor index,
        @Nullable Tensor bias) implements TensorOwner {

    /// Copies a linear into tensors of the innermost scope.
    ///
    /// @param dtype element type to compute in
    static TorchLinear load(Linear linear, DType dtype) {
        var bias = linear.bias() == null ? null : Tensors.from(linear.bias(), dtype);
        return switch (linear) {
            case Linear.Dense(var weight, var _) -> new TorchLinear(all(dtype, weight), null, null, bias);
            case Linear.Factored(var a, var b, var _) -> new TorchLinear(all(dtype, a, b), null, null, bias);
            case Linear.Tucker(var a, var core, var b, var _) ->
                new TorchLinear(all(dtype, a, core, b), null, null, bias);
            case Linear.Pivoted(var pivot, var rest, var index, var _) ->
                new TorchLinear(all(dtype, pivot), Tensors.from(rest, dtype), Tensors.from(index, DType.I64), bias);
        };
    }

    private static List<Tensor> all(DType dtype, HostTensor... weights) {
        return Stream.of(weights).map(weight -> Tensors.from(weight, dtype)).toList();
    }

    /// Applies the operator.
    ///
    /// @param x `[.., in]`
    /// @return `[.., out]`, in the innermost scope
    Tensor apply(Tensor x) {
        return TensorScope.tidy(() -> {
            var y = x;
            for (var i = 0; i < stages.size(); i++) {
                var last = i == stages.size() - 1 && tail == null;
                y = Functional.linear(y, stages.get(i), last ? bias : null);
            }
            if (tail == null || index == null) {
                return y;
            }
            var placed = Tensors.cat(List.of(y, Functional.linear(y, tail, null)), -1)
                    .indexSelect(-1, index);
            return bias == null ? placed : placed.add(bias);
        });
    }

    @Override
    public List<Tensor> tensors() {
        return Stream.concat(stages.stream(), Stream.of(tail, index, bias))
                .filter(Objects::nonNull)
                .map(Tensor.class::cast)
                .toList();
    }
}
