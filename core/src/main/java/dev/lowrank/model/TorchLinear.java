package dev.lowrank.model;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Epilogue;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.tensor.Weight;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A [Linear] in LibTorch's memory: applies `y = x Wᵀ + bias` to any number of rows.
///
/// The index of a pivoted form is applied to its coefficients once, when it is loaded: gathering the
/// columns of every output would cost more than the multiplications that the form saves. Single entries are
/// added to the multiplied-out matrix, since LibTorch's sparse products on processors cost more than dense
/// ones: many rows then take as long as with the dense matrix.
///
/// @param stages applied in turn, each `[out_i, in_i]`
/// @param bias `[out]`
record TorchLinear(List<Weight> stages, @Nullable Tensor bias) implements TensorOwner {

    /// Copies a linear into tensors of the innermost scope, for forward passes: factors are multiplied out
    /// where that leaves less to multiply by.
    ///
    /// @param products element type of the weights, F32 or BF16
    static TorchLinear forward(Linear linear, DType products) {
        return load(
                linear,
                stages -> cheapest(stages).stream()
                        .map(stage -> Weight.packed(stage.to(products)))
                        .toList());
    }

    /// Copies a linear into F32 tensors of the innermost scope, each part on its own.
    static TorchLinear differentiable(Linear linear) {
        return load(linear, stages -> stages.stream().map(Weight::plain).toList());
    }

    private static TorchLinear load(Linear linear, Function<List<Tensor>, List<Weight>> layout) {
        return TensorScope.tidy(() -> {
            var bias = linear.bias() == null ? null : Tensors.from(linear.bias(), DType.F32);
            return new TorchLinear(layout.apply(stages(linear)), bias);
        });
    }

    private static List<Tensor> stages(Linear linear) {
        return switch (linear) {
            case Linear.SparsePlusLowRank(var base, var sparse) ->
                List.of(product(stages(base)).add(sparse.matrix().to(DType.F32)));
            case Linear.Dense _, Linear.Factored _, Linear.Tucker _ ->
                linear.parts().stream()
                        .map(part -> Tensors.from(part, DType.F32))
                        .toList();
            case Linear.Pivoted(var pivot, var rest, var index, var _) -> {
                var a = Tensors.from(pivot, DType.F32);
                var pivots = Tensors.eye(DType.F32, a.size(0));
                var b = Tensors.cat(List.of(pivots, Tensors.from(rest, DType.F32)), 0)
                        .indexSelect(0, Tensors.from(index, DType.I64));
                yield List.of(a, b);
            }
        };
    }

    private static List<Tensor> cheapest(List<Tensor> stages) {
        var apart = stages.stream().mapToLong(Tensor::elements).sum();
        var together = stages.getLast().size(0) * stages.getFirst().size(1);
        return stages.size() == 1 || apart < together ? stages : List.of(product(stages));
    }

    private static Tensor product(List<Tensor> stages) {
        return stages.reversed().stream().reduce(Tensor::matmul).orElseThrow();
    }

    /// Applies the operator. Where weights are of another element type than `x`, products are computed in
    /// theirs.
    ///
    /// @param x `[.., in]`
    /// @param epilogue what is done to the output
    /// @return `[.., out]` of the type of `x`, in the innermost scope
    Tensor apply(Tensor x, Epilogue epilogue) {
        return TensorScope.tidy(() -> {
            var converted = products() != x.dtype();
            var y = converted ? x.to(products()) : x;
            for (var stage : stages.subList(0, stages.size() - 1)) {
                y = stage.linear(y, null, Epilogue.NONE);
            }
            var last = stages.getLast();
            if (converted) {
                return epilogue.after(
                        shifted(last.linear(y, null, Epilogue.NONE).to(x.dtype())));
            }
            return last.linear(y, bias == null ? null : bias.to(products()), epilogue);
        });
    }

    /// Element type that products are computed in.
    DType products() {
        return stages.getFirst().dtype();
    }

    private Tensor shifted(Tensor y) {
        return bias == null ? y : y.add(bias);
    }

    /// The same operator on other tensors.
    ///
    /// @param name module path of its site
    /// @param replace gives what stands for each tensor, by its checkpoint name as if it were factored
    TorchLinear with(String name, BiFunction<String, Tensor, Tensor> replace) {
        var parts = switch (stages.size()) {
            case 1 -> List.of("weight");
            case 2 -> List.of("a.weight", "b.weight");
            default -> List.of("a.weight", "core.weight", "b.weight");
        };
        var replaced = new ArrayList<Weight>();
        for (var i = 0; i < stages.size(); i++) {
            replaced.add(Weight.plain(
                    replace.apply(name + "." + parts.get(i), stages.get(i).values())));
        }
        return new TorchLinear(replaced, bias == null ? null : replace.apply(name + ".bias", bias));
    }

    @Override
    public List<Tensor> tensors() {
        return Stream.concat(stages.stream().flatMap(stage -> stage.tensors().stream()), Stream.ofNullable(bias))
                .toList();
    }
}
