package dev.lowrank.testing;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;

/// Loads the native library once.
final class LibTorch {
    private LibTorch() {}

    static void warmUp() {
        TensorScope.tidyRun(() -> Tensors.zeros(DType.F64, 1).add(1.0));
    }
}
