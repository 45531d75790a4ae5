package dev.lowrank.compress.statistics;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Finite;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;

/// A running `Σ xᵀx` over the residual stream `x = h / √(‖h‖²/d + ε)` as RMS norms see it, before their
/// weights: every token at every norm counts the same, however long the stream is there. Products in F32
/// within a batch, sums in F64. Closing releases it.
public final class StreamMoment implements AutoCloseable {
    private final TensorStore store = new TensorStore("second moment of the residual stream");
    private final SymmetricSum sum;
    private final Tensor ones;
    private final int hidden;
    private final double epsilon;

    /// @param hidden width of the stream
    /// @param epsilon of the norms
    public StreamMoment(int hidden, double epsilon) {
        this.hidden = hidden;
        this.epsilon = epsilon;
        sum = new SymmetricSum(hidden, store);
        ones = TensorScope.tidy(() -> store.keep(Tensors.ones(DType.F32, hidden)));
    }

    /// Adds the stream of a batch at one norm.
    ///
    /// @param stream F32 `[.., hidden]`
    public void add(Tensor stream) {
        TensorScope.tidyRun(() -> sum.add(Functional.rmsNorm(stream.reshape(-1, hidden), ones, epsilon)));
    }

    /// Adds what another sum has gathered on other batches.
    public void add(StreamMoment other) {
        sum.add(other.sum);
    }

    /// The sum so far.
    ///
    /// @param name what was added last, for errors
    /// @return F64 `[hidden, hidden]`, in the innermost scope
    /// @throws dev.lowrank.tensor.NumericalException if an activation was not finite
    public Tensor finish(String name) {
        return TensorScope.tidy(() -> Finite.check(sum.matrix(), name));
    }

    @Override
    public void close() {
        store.close();
    }
}
