package dev.lowrank.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.global.torch;
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

    /// Runs `work` recording for gradients.
    ///
    /// @param work what to compute
    /// @return its result
    public static <T extends @Nullable Object> T on(Supplier<T> work) {
        var before = GradMode.is_enabled();
        GradMode.set_enabled(true);
        try {
            return work.get();
        } finally {
            GradMode.set_enabled(before);
        }
    }

    /// A tensor of the same content, not part of any computation so far, for which gradients are recorded.
    ///
    /// @return shares the storage of `x`; belongs to the innermost scope
    public static Tensor leaf(Tensor x) {
        return Native.own("detach", () -> x.handle().detach().requires_grad_(true), x);
    }

    /// A tensor of the same content, not part of any computation.
    ///
    /// @return shares the storage of `x`; belongs to the innermost scope
    public static Tensor detached(Tensor x) {
        return Native.own("detach", () -> x.handle().detach(), x);
    }

    /// The gradients of `Σ output ∘ seed` by some tensors, leaves or not, that `output` was computed from
    /// while recording.
    ///
    /// @param output any shape
    /// @param seed shape of `output`
    /// @param inputs what to differentiate by; each must have taken part
    /// @return in the order of `inputs`, with their shapes, in the innermost scope
    public static List<Tensor> of(Tensor output, Tensor seed, List<Tensor> inputs) {
        var operands = new ArrayList<>(inputs);
        operands.add(output);
        operands.add(seed);
        return Native.ownAll(
                "grad",
                () -> torch.grad(
                        Native.vector(List.of(output)),
                        Native.vector(inputs),
                        Native.vector(List.of(seed)),
                        new BoolOptional(false),
                        false,
                        false),
                operands.toArray(Tensor[]::new));
    }
}
