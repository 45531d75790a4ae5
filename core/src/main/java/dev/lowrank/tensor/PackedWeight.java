package dev.lowrank.tensor;

import java.util.List;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.Type;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/// A weight in the order in which oneDNN's product reads it, so that no call has to rearrange it: OpenBLAS
/// spends a fifth of a product of some hundred rows on that, and more where the weight is not in cache.
///
/// For forward passes: no gradient is recorded through it.
///
/// @param blocks opaque `[out, in]`; only its shape may be asked for
/// @param dtype of its elements, F32 or BF16
record PackedWeight(Tensor blocks, DType dtype) implements Weight {
    /// Rows that the order is chosen for; others are multiplied as well.
    private static final long ROWS = 512;

    /// Place of the argument that we leave empty, the scalars of an activation.
    private static final int SCALARS = 4;

    /// Whether this LibTorch has oneDNN.
    static boolean available() {
        return torch.hasMKLDNN();
    }

    /// Packs a weight.
    ///
    /// @param weight F32 or BF16 `[out, in]`
    /// @return a copy, in the innermost scope
    static PackedWeight of(Tensor weight) {
        var blocks = Native.own(
                "pack_weight", () -> call(Operators.PACK, new IValue(weight.handle()), new IValue(ROWS)), weight);
        return new PackedWeight(blocks, weight.dtype());
    }

    @Override
    public Tensor linear(Tensor x, @Nullable Tensor bias, Epilogue epilogue) {
        if (Grad.enabled()) {
            throw new IllegalStateException(
                    "No gradient is recorded through a packed weight; keep the plain one where gradients are wanted");
        }
        return switch (epilogue) {
            case Epilogue.None _ -> unary(x, bias, "none");
            case Epilogue.Silu _ -> unary(x, bias, "swish");
            case Epilogue.Plus(var other) -> binary(x, bias, other, "add");
            case Epilogue.Times(var other) -> binary(x, bias, other, "mul");
        };
    }

    private Tensor unary(Tensor x, @Nullable Tensor bias, String activation) {
        return Native.own(
                "packed_linear",
                () -> call(
                        Operators.UNARY,
                        new IValue(x.handle()),
                        new IValue(blocks.handle()),
                        optional(bias),
                        new IValue(activation),
                        new IValue(new GenericList(Operators.SCALAR)),
                        new IValue()),
                x,
                blocks);
    }

    private Tensor binary(Tensor x, @Nullable Tensor bias, Tensor other, String operation) {
        return Native.own(
                "packed_linear",
                () -> call(
                        Operators.BINARY,
                        new IValue(x.handle()),
                        new IValue(other.handle()),
                        new IValue(blocks.handle()),
                        optional(bias),
                        new IValue(operation)),
                x,
                blocks,
                other);
    }

    private static IValue optional(@Nullable Tensor tensor) {
        return tensor == null ? new IValue() : new IValue(tensor.handle());
    }

    private static org.bytedeco.pytorch.Tensor call(OperatorHandle operator, IValue... arguments) {
        var stack = new IValueVector(arguments);
        operator.callBoxed(stack);
        return stack.get(0).toTensor();
    }

    @Override
    public Tensor values() {
        throw new IllegalStateException("A packed weight cannot be read; keep the plain one where it is needed");
    }

    @Override
    public List<Tensor> tensors() {
        return List.of(blocks);
    }

    /// LibTorch's operators without a C++ function of their own; found once, never released.
    private static final class Operators {
        private static final OperatorHandle PACK = find("mkldnn::_reorder_linear_weight", "");
        private static final OperatorHandle UNARY = find("mkldnn::_linear_pointwise", "");
        private static final OperatorHandle BINARY = find("mkldnn::_linear_pointwise", "binary");
        private static final Type.TypePtr SCALAR = elementType(UNARY);

        private static OperatorHandle find(String name, String overload) {
            return Dispatcher.singleton().findSchemaOrThrow(name, overload).retainReference();
        }

        private static Type.TypePtr elementType(OperatorHandle operator) {
            var argument = operator.schema().arguments().getPointer(SCALARS);
            return argument.type().get().containedType(0).retainReference();
        }
    }
}
