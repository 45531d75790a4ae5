package dev.lowrank.model;

import dev.lowrank.tensor.HostTensor;
import java.util.Set;

/// A decoder that leaves out some of its model's blocks and is otherwise the same, as a fast guess at what
/// the whole model would say.
public final class SkippedBlocks {
    private SkippedBlocks() {}

    /// Prepares one. Its blocks keep their numbers, so that it reads and extends the caches of the whole
    /// model.
    ///
    /// @param skipped indices of blocks, at least one and not all
    /// @throws IllegalArgumentException for a block that the model does not have, or if none or all are
    ///     left
    ///     out
    public static RowDecoder decoder(LanguageModel model, Set<Integer> skipped, int threads) {
        model.requireDecoder();
        var whole = model.spec();
        for (var block : skipped) {
            if (block < 0 || block >= whole.blocks().size()) {
                throw new IllegalArgumentException("Block " + block + " cannot be skipped: the model has blocks 0 to "
                        + (whole.blocks().size() - 1));
            }
        }
        if (skipped.isEmpty() || skipped.size() == whole.blocks().size()) {
            throw new IllegalArgumentException("Of " + whole.blocks().size() + " blocks " + skipped.size()
                    + " were to be skipped; skip at least one and keep at least one");
        }
        var weights = model.weights();
        return decoder(
                whole,
                new RowDecoder.Weights() {
                    @Override
                    public HostTensor read(String name) {
                        return weights.read(name);
                    }

                    @Override
                    public Linear linear(LinearSite site) {
                        return weights.linear(site);
                    }
                },
                skipped,
                threads);
    }

    static RowDecoder decoder(DecoderSpec whole, RowDecoder.Weights weights, Set<Integer> skipped, int threads) {
        return RowDecoder.of(without(whole, skipped), weights, threads);
    }

    private static DecoderSpec without(DecoderSpec whole, Set<Integer> skipped) {
        return new DecoderSpec(
                whole.modelType(),
                whole.vocabSize(),
                whole.hiddenSize(),
                whole.heads(),
                whole.kvHeads(),
                whole.headDim(),
                whole.maxPositions(),
                whole.norm(),
                whole.residual(),
                whole.positions(),
                whole.activation(),
                whole.qkvOrder(),
                whole.embedding(),
                whole.purpose(),
                whole.blocks().stream()
                        .filter(block -> !skipped.contains(block.index()))
                        .toList());
    }
}
