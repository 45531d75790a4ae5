package dev.lowrank.compress.method;

import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A matrix of low rank: `W ≈ B A`, or `B core A` where the method keeps a core. F64.
///
/// @param b `[out, rank]`
/// @param core `[rank, rank]`; null if it is the identity
/// @param a `[rank, in]`
/// @param notes fallbacks that were taken after the decomposition, for the manifest; usually empty
public record Factors(Tensor b, @Nullable Tensor core, Tensor a, List<String> notes) implements TensorOwner {
    public Factors {
        notes = List.copyOf(notes);
    }

    /// Factors that came about as they should.
    public Factors(Tensor b, @Nullable Tensor core, Tensor a) {
        this(b, core, a, List.of());
    }

    /// The rank.
    public int rank() {
        return (int) a.size(0);
    }

    /// The same matrix with its core multiplied into `A`, in the innermost scope.
    public Factors absorbed() {
        return core == null ? this : new Factors(b, null, core.matmul(a), notes);
    }

    @Override
    public List<Tensor> tensors() {
        return Stream.of(b, core, a)
                .filter(Objects::nonNull)
                .map(Tensor.class::cast)
                .toList();
    }
}
