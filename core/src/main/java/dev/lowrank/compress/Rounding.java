package dev.lowrank.compress;

import dev.lowrank.model.Linear;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/// What a dense linear becomes when it is written in another element type.
final class Rounding {
    private Rounding() {}

    static Linear.Dense linear(Linear.Dense dense, DType dtype, Arena arena) {
        return new Linear.Dense(tensor(dense.weight(), dtype, arena), bias(dense.bias(), dtype, arena));
    }

    private static @Nullable HostTensor bias(@Nullable HostTensor bias, DType dtype, Arena arena) {
        return bias == null ? null : tensor(bias, dtype, arena);
    }

    private static HostTensor tensor(HostTensor tensor, DType dtype, Arena arena) {
        return tensor.dtype() == dtype
                ? tensor
                : TensorScope.tidy(() -> Tensors.from(tensor, dtype).toHost(dtype, arena));
    }
}
