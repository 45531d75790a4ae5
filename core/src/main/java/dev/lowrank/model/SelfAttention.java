package dev.lowrank.model;

import dev.lowrank.model.DecoderSpec.Block;
import dev.lowrank.model.RowParts.Rows;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import org.jspecify.annotations.Nullable;

/// Attention of some positions to each other and to those before them, or to all where the model reads
/// whole texts.
///
/// @param qkv queries, keys and values side by side, the first two rotated, `[batch, seq, (heads + kvHeads)
///     keyDim + kvHeads valueDim]`
/// @param keys `[batch, kvHeads, past + seq, keyDim]`
/// @param values `[batch, kvHeads, past + seq, valueDim]`
record SelfAttention(DecoderSpec spec, Block block, Tensor qkv, Tensor keys, Tensor values) {
    /// Positions that are all there is, or that follow what a cache holds and are stored in it already.
    static SelfAttention of(DecoderSpec spec, Block block, Tensor qkv, @Nullable KvCache cache) {
        if (cache == null || cache.length() == 0) {
            return new SelfAttention(spec, block, qkv, keys(spec, block, qkv), values(spec, block, qkv));
        }
        var length = cache.length() + qkv.size(1);
        return new SelfAttention(
                spec,
                block,
                qkv,
                cache.keys(block.index(), length).unsqueeze(0).to(qkv.dtype()),
                cache.values(block.index(), length).unsqueeze(0).to(qkv.dtype()));
    }

    /// Writes the keys and values of some rows behind what a cache holds.
    ///
    /// @param rows which of the positions that are being added
    /// @param qkv those rows, `[1, count, ..]`
    static void store(DecoderSpec spec, Block block, Rows rows, Tensor qkv, KvCache cache) {
        var first = cache.length() + rows.first();
        TensorScope.tidyRun(() -> cache.store(
                block.index(),
                first,
                keys(spec, block, qkv).select(0, 0),
                values(spec, block, qkv).select(0, 0)));
    }

    /// What some of the positions attend to.
    ///
    /// @return `[batch, count, heads valueDim]`, in the innermost scope
    Tensor of(Rows rows) {
        return TensorScope.tidy(() -> {
            var seen = keys.size(2) - qkv.size(1) + rows.first() + rows.count();
            var queries = heads(
                    qkv.narrow(1, rows.first(), rows.count()),
                    0,
                    spec.heads(),
                    block.heads().keyDim());
            var attended = spec.encoder().isPresent()
                    ? Functional.fullAttention(queries, keys, values, spec.attentionScale())
                    : Functional.causalAttention(
                            queries, keys.narrow(2, 0, seen), values.narrow(2, 0, seen), spec.attentionScale());
            return attended.transpose(1, 2)
                    .reshape(
                            qkv.size(0),
                            rows.count(),
                            (long) spec.heads() * block.heads().valueDim());
        });
    }

    private static Tensor keys(DecoderSpec spec, Block block, Tensor qkv) {
        var width = block.heads().keyDim();
        return heads(qkv, (long) spec.heads() * width, spec.kvHeads(), width);
    }

    private static Tensor values(DecoderSpec spec, Block block, Tensor qkv) {
        var first = (spec.heads() + spec.kvHeads()) * (long) block.heads().keyDim();
        return heads(qkv, first, spec.kvHeads(), block.heads().valueDim());
    }

    /// Some heads of every row, `[batch, count, seq, width]`.
    ///
    /// @param first where the first begins
    private static Tensor heads(Tensor qkv, long first, int count, long width) {
        return qkv.narrow(2, first, count * width)
                .reshape(qkv.size(0), qkv.size(1), count, width)
                .transpose(1, 2);
    }
}
