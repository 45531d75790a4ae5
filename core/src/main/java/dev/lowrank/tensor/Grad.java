package dev.lowrank.tensor;

import java.util.function.Supplier;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.jspecify.annotations.Nullable;

/// Gradient mode. It belongs to the operating-system thread, so a guard is never held across a hand-over to
/// another.
public final class Grad {
    private Grad() {}

    /// Whether the calling thread records for gradients.
    public static boolean enabled() {
        return GradMode.is_enabled();
    }

    /// Runs `work` without recording for gradients; wrap whole requests or batches. Tensors made inside
    /// belong to the innermost scope as always.
    ///
    /// @param work what to compute
    /// @return its result
    public static <T extends @Nullable Object> T off(Supplier<T> work) {
        try (var _ = new NoGradGuard()) {
            return work.get();
        }
    }

    /// Runs `work` without recording for gradients.
    ///
    /// @param work what to do
    public static void off(Runnable work) {
        try (var _ = new NoGradGuard()) {
            work.run();
        }
    }
}
