package dev.lowrank.testing;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Epilogue;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.tensor.Weight;

/// Loads the native library once.
final class LibTorch {
    private LibTorch() {}

    static void warmUp() {
        TensorScope.tidyRun(() -> Tensors.zeros(DType.F64, 1).add(1.0));
        Grad.off(() -> TensorScope.tidyRun(() -> Weight.packed(Tensors.zeros(DType.F32, 1, 1))
                .linear(Tensors.zeros(DType.F32, 1, 1), null, Epilogue.NONE)));
    }
}
