package dev.lowrank.model;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BiFunction;
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

    /// Applies the operator. Where weights are of another element type than `x`, products are computed in
    /// theirs.
    ///
    /// @param x `[.., in]`
    /// @return `[.., out]` of the type of `x`, in the innermost scope
    Tensor apply(Tensor x) {
        return TensorScope.tidy(() -> {
            var converted = stages.getFirst().dtype() != x.dtype();
            var y = converted ? x.to(stages.getFirst().dtype()) : x;
            for (var i = 0; i < stages.size(); i++) {
                var last = i == stages.size() - 1 && tail == null && !converted;
                y = Functional.linear(y, stages.get(i), last ? bias : null);
            }
            if (tail == null || index == null) {
                return converted ? shifted(y.to(x.dtype())) : y;
            }
            var placed = Tensors.cat(List.of(y, Functional.linear(y, tail, null)), -1)
                    .indexSelect(-1, index);
            return shifted(converted ? placed.to(x.dtype()) : placed);
        });
    }

    private Tensor shifted(Tensor y) {
        return bias == null ? y : y.add(bias);
    }

    /// The same operator on other tensors.
    ///
    /// @param name module path of its site
    /// @param replace gives what stands for each tensor but the index, by its checkpoint name
    TorchLinear with(String name, BiFunction<String, Tensor, Tensor> replace) {
        var parts = switch (stages.size()) {
            case 1 -> List.of(tail == null ? "weight" : "pivot.weight");
            case 2 -> List.of("a.weight", "b.weight");
            default -> List.of("a.weight", "core.weight", "b.weight");
        };
        var replaced = new ArrayList<Tensor>();
        for (var i = 0; i < stages.size(); i++) {
            replaced.add(replace.apply(name + "." + parts.get(i), stages.get(i)));
        }
        return new TorchLinear(
                replaced,
                tail == null ? null : replace.apply(name + ".rest.weight", tail),
                index,
                bias == null ? null : replace.apply(name + ".bias", bias));
    }

    @Override
    public List<Tensor> tensors() {
        return Stream.concat(stages.stream(), Stream.of(tail, index, bias))
                .filter(Objects::nonNull)
                .map(Tensor.class::cast)
                .toList();
    }
}
