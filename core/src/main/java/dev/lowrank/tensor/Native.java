package dev.lowrank.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.T_TensorTensorTensor_T;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch.ScalarType;

/// The one gate to LibTorch: opens a pointer scope per call (so that scalars, options and tuples die at
/// once), takes ownership of results, and translates native errors.
final class Native {
    static {
        Compute.serialBlas();
    }

    private Native() {}

    /// Runs a call that gives one tensor; the result belongs to the innermost [TensorScope].
    static Tensor own(String operation, Supplier<org.bytedeco.pytorch.Tensor> call, Tensor... operands) {
        var scope = TensorScope.current(operation);
        try (var _ = new PointerScope()) {
            return adopt(call.get(), scope);
        } catch (RuntimeException e) {
            throw translate(operation, e, operands);
        }
    }

    static List<Tensor> ownPair(String operation, Supplier<T_TensorTensor_T> call, Tensor... operands) {
        var scope = TensorScope.current(operation);
        try (var _ = new PointerScope()) {
            var pair = call.get();
            return List.of(adopt(pair.get0(), scope), adopt(pair.get1(), scope));
        } catch (RuntimeException e) {
            throw translate(operation, e, operands);
        }
    }

    static List<Tensor> ownTriple(String operation, Supplier<T_TensorTensorTensor_T> call, Tensor... operands) {
        var scope = TensorScope.current(operation);
        try (var _ = new PointerScope()) {
            var triple = call.get();
            return List.of(adopt(triple.get0(), scope), adopt(triple.get1(), scope), adopt(triple.get2(), scope));
        } catch (RuntimeException e) {
            throw translate(operation, e, operands);
        }
    }

    static List<Tensor> ownAll(String operation, Supplier<TensorVector> call, Tensor... operands) {
        var scope = TensorScope.current(operation);
        try (var _ = new PointerScope()) {
            var vector = call.get();
            var tensors = new ArrayList<Tensor>();
            for (var i = 0L; i < vector.size(); i++) {
                tensors.add(adopt(vector.get(i), scope));
            }
            return tensors;
        } catch (RuntimeException e) {
            throw translate(operation, e, operands);
        }
    }

    /// Runs a call that gives a plain value.
    static <T> T read(String operation, Supplier<T> call, Tensor... operands) {
        try (var _ = new PointerScope()) {
            return call.get();
        } catch (RuntimeException e) {
            throw translate(operation, e, operands);
        }
    }

    /// Runs a call for its effect, as the in-place operations are.
    static void run(String operation, Runnable call, Tensor... operands) {
        try (var _ = new PointerScope()) {
            call.run();
        } catch (RuntimeException e) {
            throw translate(operation, e, operands);
        }
    }

    /// Runs an in-place call on `target` and gives `target` back; `call` returns it too, as a borrowed
    /// handle.
    static Tensor inPlace(
            String operation, Tensor target, Supplier<org.bytedeco.pytorch.Tensor> call, Tensor... operands) {
        try (var _ = new PointerScope()) {
            var _ = call.get();
            return target;
        } catch (RuntimeException e) {
            var all = Stream.concat(Stream.of(target), Stream.of(operands)).toArray(Tensor[]::new);
            throw translate(operation, e, all);
        }
    }

    static void requireSameDType(String operation, Tensor left, Tensor right) {
        if (left.dtype() != right.dtype()) {
            throw new TensorException(
                    operation,
                    operation + "(" + left + ", " + right
                            + "): operands must have one dtype; convert one of them with to(...)");
        }
    }

    static void requireFloating(String operation, Tensor tensor) {
        if (!tensor.dtype().isFloating()) {
            throw new TensorException(
                    operation, operation + "(" + tensor + "): needs a floating dtype; convert with to(...)");
        }
    }

    /// Tuple getters lend a handle that dies with the tuple; copying it shares the storage and makes it
    /// ours.
    private static Tensor adopt(org.bytedeco.pytorch.Tensor handle, TensorScope scope) {
        var owned = handle.referenceCount() > 0 ? handle : new org.bytedeco.pytorch.Tensor(handle);
        var tensor = new Tensor(owned, scope);
        scope.take(tensor);
        return tensor;
    }

    static DType dtype(ScalarType type) {
        return switch (type.intern()) {
            case Double -> DType.F64;
            case Float -> DType.F32;
            case Half -> DType.F16;
            case BFloat16 -> DType.BF16;
            case Long -> DType.I64;
            case Int -> DType.I32;
            case Short -> DType.I16;
            case Byte -> DType.U8;
            default -> throw new IllegalArgumentException("LibTorch type " + type + " has no counterpart here");
        };
    }

    static ScalarType scalarType(DType dtype) {
        return switch (dtype) {
            case F64 -> ScalarType.Double;
            case F32 -> ScalarType.Float;
            case F16 -> ScalarType.Half;
            case BF16 -> ScalarType.BFloat16;
            case I64 -> ScalarType.Long;
            case I32 -> ScalarType.Int;
            case I16 -> ScalarType.Short;
            case U8 -> ScalarType.Byte;
            case F8_E4M3, F8_E5M2, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, NF4 ->
                throw new IllegalArgumentException(dtype + " is read only: convert it to F32, BF16 or F16");
        };
    }

    static TensorOptions options(DType dtype) {
        return new TensorOptions(scalarType(dtype));
    }

    static Scalar scalar(DType dtype, double value) {
        if (dtype.isFloating()) {
            return new Scalar(value);
        }
        if (value != Math.rint(value)) {
            throw new IllegalArgumentException(
                    value + " is not a whole number and the tensor is " + dtype + "; convert the tensor first");
        }
        return new Scalar((long) value);
    }

    static TensorVector vector(List<Tensor> tensors) {
        var vector = new TensorVector();
        for (var tensor : tensors) {
            vector.push_back(tensor.handle());
        }
        return vector;
    }

    private static RuntimeException translate(String operation, RuntimeException e, Tensor... operands) {
        if (e.getClass() != RuntimeException.class) {
            return e;
        }
        var text = new StringBuilder(operation).append('(');
        for (var i = 0; i < operands.length; i++) {
            text.append(i == 0 ? "" : ", ").append(operands[i]);
        }
        var said = String.valueOf(e.getMessage()).lines().findFirst().orElse("no message");
        return new TensorException(operation, text.append("): ").append(said).toString(), e);
    }
}
