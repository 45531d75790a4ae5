package dev.lowrank.model;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Epilogue;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.tensor.Weight;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A [Linear] in LibTorch's memory: applies `y = x Wᵀ + bias` to any number of rows.
///
/// @param stages applied in turn, each `[out_i, in_i]`
/// @param tail for a pivoted form, the coefficients `[out − rank, rank]` whose output is appended to that
///     of the pivots
/// @param index for a pivoted form, I64 `[out]`, place of each output
/// @param bias `[out]`
record TorchLinear(
        List<Weight> stages,
        @Nullable Weight tail,
        @Nullable Tensor index,
        @Nullable Tensor bias) implements TensorOwner {

    /// Copies a linear into F32 tensors of the innermost scope.
    ///
    /// @param layout from `[out, in]` to what is multiplied by
    static TorchLinear load(Linear linear, Function<Tensor, Weight> layout) {
        var bias = linear.bias() == null ? null : Tensors.from(linear.bias(), DType.F32);
        return switch (linear) {
            case Linear.Dense _, Linear.Factored _, Linear.Tucker _ ->
                new TorchLinear(
                        linear.parts().stream()
                                .map(part -> weight(part, layout))
                                .toList(),
                        null,
                        null,
                        bias);
            case Linear.Pivoted(var pivot, var rest, var index, var _) ->
                new TorchLinear(
                        List.of(weight(pivot, layout)), weight(rest, layout), Tensors.from(index, DType.I64), bias);
        };
    }

    private static Weight weight(HostTensor part, Function<Tensor, Weight> layout) {
        return TensorScope.tidy(() -> layout.apply(Tensors.from(part, DType.F32)));
    }

    /// Applies the operator. Where weights are of another element type than `x`, products are computed in
    /// theirs.
    ///
    /// @param x `[.., in]`
    /// @param epilogue what is done to the output
    /// @return `[.., out]` of the type of `x`, in the innermost scope
    Tensor apply(Tensor x, Epilogue epilogue) {
        return TensorScope.tidy(() -> {
            var converted = stages.getFirst().dtype() != x.dtype();
            var y = converted ? x.to(stages.getFirst().dtype()) : x;
            for (var stage : stages.subList(0, stages.size() - 1)) {
                y = stage.linear(y, null, Epilogue.NONE);
            }
            var last = stages.getLast();
            if (tail == null || index == null) {
                return converted
                        ? epilogue.after(
                                shifted(last.linear(y, null, Epilogue.NONE).to(x.dtype())))
                        : last.linear(y, bias, epilogue);
            }
            y = last.linear(y, null, Epilogue.NONE);
            var placed = Tensors.cat(List.of(y, tail.linear(y, null, Epilogue.NONE)), -1)
                    .indexSelect(-1, index);
            return epilogue.after(shifted(placed.to(x.dtype())));
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
        var replaced = new ArrayList<Weight>();
        for (var i = 0; i < stages.size(); i++) {
            replaced.add(with(name + "." + parts.get(i), stages.get(i), replace));
        }
        return new TorchLinear(
                replaced,
                tail == null ? null : with(name + ".rest.weight", tail, replace),
                index,
                bias == null ? null : replace.apply(name + ".bias", bias));
    }

    private static Weight with(String name, Weight weight, BiFunction<String, Tensor, Tensor> replace) {
        return Weight.plain(replace.apply(name, weight.values()));
    }

    @Override
    public List<Tensor> tensors() {
        var weights =
                Stream.concat(stages.stream(), Stream.ofNullable(tail)).flatMap(weight -> weight.tensors().stream());
        return Stream.concat(weights, Stream.of(index, bias).filter(Objects::nonNull))
                .map(Tensor.class::cast)
                .toList();
    }
}
