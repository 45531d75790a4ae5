package dev.lowrank.app.serve;

import dev.lowrank.generate.BatchModel;
import dev.lowrank.generate.LoadedModel;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.tensor.DType;
import java.util.function.UnaryOperator;

/// What models may take.
///
/// @param parallel texts that are continued at once, of each model
/// @param queue requests that may wait, for each model
/// @param context most tokens of a text; models with less have less
/// @param memory bytes for all loaded models together
/// @param threads that share a product
/// @param cacheType element type of keys and values
/// @param wrap stands between each engine and its model; for tests
public record ModelLimits(
        int parallel,
        int queue,
        int context,
        long memory,
        int threads,
        DType cacheType,
        UnaryOperator<BatchModel> wrap) {
    /// Most that one model's keys and values may take.
    private static final long MOST_CACHE = 4L << 30;

    /// Bytes of a token's keys and values where a block has the architecture's widths.
    private long tokenBytes(LanguageModel model) {
        var spec = model.spec();
        return cacheType.bytes(
                2L * spec.kvHeads() * spec.headDim() * spec.blocks().size());
    }

    /// Bytes for the keys and values of a model: all that its places can use, within a share of the memory.
    long cacheBytes(LanguageModel model) {
        var context = Math.min(context(), model.spec().maxPositions());
        var one = context * tokenBytes(model);
        return Math.max(one, Math.min(Math.min(2L * parallel * one, MOST_CACHE), memory / 4));
    }

    /// Bytes that a loaded model takes at most: its files, LibTorch's copy, keys and values.
    long modelBytes(LanguageModel model) {
        var files = model.checkpoint().weightBytes();
        return model.spec().encoder().isPresent()
                ? files + 4 * model.weights().parameters()
                : files + LoadedModel.promptEngineBytes(model) + cacheBytes(model);
    }
}
