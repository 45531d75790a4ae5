package dev.lowrank.model;

import dev.lowrank.model.kernel.RowInput;
import java.util.Arrays;

/// The rows that run together through a [RowDecoder]: which cache and position each belongs to, and what
/// the blocks make of them. Everything is made once; a step fills it again.
final class RowBatch {
    private final KvCache[] caches = new KvCache[RowDecoder.MAX_ROWS];
    private final int[] positions = new int[RowDecoder.MAX_ROWS];
    private int count;

    /// The residual stream.
    final float[][] hidden;
    /// What a norm made of it.
    final RowInput[] normed;
    /// What a block's half adds to it.
    final float[][] delta;

    final float[][] qkv;
    /// Cosines and sines of each row's position.
    final float[][] cos;

    final float[][] sin;

    RowBatch(DecoderSpec spec, int rotated) {
        hidden = rows(spec.hiddenSize());
        normed = RowTools.inputs(spec.hiddenSize());
        delta = rows(spec.hiddenSize());
        qkv = rows(spec.blocks().stream()
                .mapToInt(block -> spec.heads() * block.heads().keyDim()
                        + spec.kvHeads()
                                * (block.heads().keyDim() + block.heads().valueDim()))
                .max()
                .orElse(0));
        cos = rows(rotated);
        sin = rows(rotated);
    }

    static float[][] rows(int width) {
        return new float[RowDecoder.MAX_ROWS][width];
    }

    /// Starts a new batch.
    void clear() {
        Arrays.fill(caches, 0, count, null);
        count = 0;
    }

    /// Adds a row.
    void add(KvCache cache, int position) {
        caches[count] = cache;
        positions[count] = position;
        count++;
    }

    int count() {
        return count;
    }

    KvCache cache(int row) {
        return caches[row];
    }

    int position(int row) {
        return positions[row];
    }
}
