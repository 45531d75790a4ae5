package dev.lowrank.model;

import dev.lowrank.model.RowParts.Rows;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import org.jspecify.annotations.Nullable;

/// Attention of some positions to each other and to those before them.
///
/// @param qkv queries, keys and values side by side, the first two rotated, `[batch, seq, (heads + 2
///     kvHeads) headDim]`
/// @param keys `[batch, kvHeads, past + seq, headDim]`
/// @param values `[batch, kvHeads, past + seq, headDim]`
record SelfAttention(DecoderSpec spec, Tensor qkv, Tensor keys, Tensor values) {
    /// Positions that are all there is, or that follow what a cache holds and are stored in it already.
    ///
    /// @param block whose part of the cache
    static SelfAttention of(DecoderSpec spec, Tensor qkv, @Nullable KvCache cache, int block) {
        if (cache == null) {
            return new SelfAttention(spec, qkv, keys(spec, qkv), values(spec, qkv));
        }
        var length = cache.length() + qkv.size(1);
        return new SelfAttention(
                spec,
                qkv,
                Tensors.view(cache.keys(block)).narrow(1, 0, length).unsqueeze(0),
                Tensors.view(cache.values(block)).narrow(1, 0, length).unsqueeze(0));
    }

    /// Writes the keys and values of some rows behind what a cache holds.
    ///
    /// @param rows which of the positions that are being added
    /// @param qkv those rows, `[1, count, ..]`
    static void store(DecoderSpec spec, Rows rows, Tensor qkv, KvCache cache, int block) {
        var first = cache.length() + rows.first();
        TensorScope.tidyRun(() -> {
            Tensors.view(cache.keys(block))
                    .narrow(1, first, rows.count())
                    .copy_(keys(spec, qkv).select(0, 0));
            Tensors.view(cache.values(block))
                    .narrow(1, first, rows.count())
                    .copy_(values(spec, qkv).select(0, 0));
        });
    }

    /// What some of the positions attend to.
    ///
    /// @return `[batch, count, heads headDim]`, in the innermost scope
    Tensor of(Rows rows) {
        return TensorScope.tidy(() -> {
            var seen = keys.size(2) - qkv.size(1) + rows.first() + rows.count();
            var queries = heads(spec, qkv.narrow(1, rows.first(), rows.count()), 0, spec.heads());
            return Functional.causalAttention(
                            queries, keys.narrow(2, 0, seen), values.narrow(2, 0, seen), spec.attentionScale())
                    .transpose(1, 2)
                    .reshape(qkv.size(0), rows.count(), (long) spec.heads() * spec.headDim());
        });
    }

    private static Tensor keys(DecoderSpec spec, Tensor qkv) {
        return heads(spec, qkv, spec.heads(), spec.kvHeads());
    }

    private static Tensor values(DecoderSpec spec, Tensor qkv) {
        return heads(spec, qkv, spec.heads() + spec.kvHeads(), spec.kvHeads());
    }

    /// Some heads of every row, `[batch, count, seq, headDim]`.
    private static Tensor heads(DecoderSpec spec, Tensor qkv, int first, int count) {
        var d = (long) spec.headDim();
        return qkv.narrow(2, first * d, count * d)
                .reshape(qkv.size(0), qkv.size(1), count, d)
                .transpose(1, 2);
    }
}
