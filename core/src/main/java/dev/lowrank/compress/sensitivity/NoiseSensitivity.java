package dev.lowrank.compress.sensitivity;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Finite;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;
import java.util.List;

/// Sums, over tokens, of what an error in a site's weight does to the loss: `a = g·(E x)` to first order,
/// so that `E[½ a²]` estimates the divergence as [SiteSensitivity] does for a cut.
///
/// Products are in F32, sums over tokens in F64.
public final class NoiseSensitivity implements TensorOwner {
    private final Tensor error;
    private final Tensor squares;
    private long tokens;

    private NoiseSensitivity(Tensor error, Tensor squares) {
        this.error = error;
        this.squares = squares;
    }

    /// Starts with nothing seen.
    ///
    /// @param error `E`, F32 `[out, in]`; borrowed
    /// @param store owner of the sums
    public static NoiseSensitivity start(Tensor error, TensorStore store) {
        return TensorScope.tidy(() -> store.keep(new NoiseSensitivity(error, Tensors.zeros(DType.F64, 1))));
    }

    /// Adds tokens.
    ///
    /// @param input `[tokens, in]`
    /// @param gradient F32 `[tokens, out]`, of the loss summed over tokens
    public void add(Tensor input, Tensor gradient) {
        TensorScope.tidyRun(() -> {
            var changes = input.to(DType.F32).matmul(error.t()).mul_(gradient).sum(1, false);
            squares.add_(changes.to(DType.F64).square().sum());
        });
        tokens += input.size(0);
    }

    /// Adds what another has seen.
    public void add(NoiseSensitivity other) {
        squares.add_(other.squares);
        tokens += other.tokens;
    }

    /// The estimated divergence in nats per token.
    ///
    /// @param subject names the site in errors
    /// @throws dev.lowrank.tensor.NumericalException if a gradient was not finite
    public double divergence(String subject) {
        return 0.5 * Finite.check(squares, "loss gradients at " + subject).sum().item() / tokens;
    }

    @Override
    public List<Tensor> tensors() {
        return List.of(squares);
    }
}
