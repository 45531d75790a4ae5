package dev.lowrank.model;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Epilogue;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.tensor.Weight;
import java.util.List;
import java.util.Objects;
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

    /// Applies the operator.
    ///
    /// @param x `[.., in]`
    /// @param epilogue what is done to the output
    /// @return `[.., out]`, in the innermost scope
    Tensor apply(Tensor x, Epilogue epilogue) {
        return TensorScope.tidy(() -> {
            var y = x;
            for (var i = 0; i < stages.size() - 1; i++) {
                y = stages.get(i).linear(y, null, Epilogue.NONE);
            }
            if (tail == null || index == null) {
                return stages.getLast().linear(y, bias, epilogue);
            }
            y = stages.getLast().linear(y, null, Epilogue.NONE);
            var placed = Tensors.cat(List.of(y, tail.linear(y, null, Epilogue.NONE)), -1)
                    .indexSelect(-1, index);
            return epilogue.after(bias == null ? placed : placed.add(bias));
        });
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
