package dev.lowrank.tensor;

import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;

/// How many cores tensor work may use. Results depend on it in the last bits: the same seed and the same
/// thread count give the same bytes.
public final class Compute {
    private Compute() {}

    /// Sets the threads of LibTorch and of OpenBLAS under it; call once, at the start.
    ///
    /// @param threads at least 1
    public static void setThreads(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("Threads must be at least 1, but were " + threads);
        }
        Native.run("set_num_threads", () -> {
            torch.set_num_threads(threads);
            openblas_nolapack.blas_set_num_threads(threads);
        });
    }

    /// @return threads that one operation may use
    public static int threads() {
        return torch.get_num_threads();
    }
}
