package dev.lowrank.compress;

import dev.lowrank.model.DecoderSpec.Block;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.TorchBlock;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.TensorScope;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

/// One block of the source with its original linears: what every pass over the blocks looks at. The weights
/// stay where the checkpoint has them.
///
/// @param linears the original of every site
record SourceBlock(LanguageModel source, Block block, Map<LinearSite, Linear.Dense> linears) {
    /// Opens a block.
    static SourceBlock of(LanguageModel source, Block block) {
        var linears = new LinkedHashMap<LinearSite, Linear.Dense>();
        for (var site : block.sites()) {
            if (!(source.weights().linear(site) instanceof Linear.Dense dense)) {
                throw new IllegalStateException(site.name() + " is not dense, though the plan checked that");
            }
            linears.put(site, dense);
        }
        return new SourceBlock(source, block, linears);
    }

    int index() {
        return block.index();
    }

    /// The original of a site.
    Linear.Dense dense(LinearSite site) {
        return Objects.requireNonNull(linears.get(site), site.name());
    }

    /// The block in LibTorch's memory for forward passes, in the innermost scope.
    TorchBlock load() {
        return load(DType.F32);
    }

    /// The block in LibTorch's memory for forward passes, in the innermost scope.
    ///
    /// @param products element type in which matrices are multiplied
    TorchBlock load(DType products) {
        return load(this::dense, products);
    }

    /// The block in LibTorch's memory with other linears in place of the originals, in the innermost scope.
    ///
    /// @param products element type in which matrices are multiplied
    TorchBlock load(Function<LinearSite, Linear> replaced, DType products) {
        return TorchBlock.load(source.spec(), block, source.weights(), replaced, products);
    }

    /// The block in LibTorch's memory for a backward pass, in the innermost scope.
    ///
    /// @param products element type in which matrices are multiplied
    TorchBlock differentiable(DType products) {
        return TensorScope.tidy(() -> TorchBlock.differentiable(source.spec(), block, source.weights(), this::dense)
                .with((_, tensor) -> tensor.rank() > 1 ? tensor.to(products) : tensor));
    }

    /// Lets the system take back the memory of the mapped weights.
    void release() {
        source.weights().release(block);
    }
}
