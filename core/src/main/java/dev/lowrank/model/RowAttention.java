package dev.lowrank.model;

import dev.lowrank.model.DecoderSpec.Heads;
import dev.lowrank.model.kernel.Kernels;
import dev.lowrank.model.kernel.WorkerTeam;
import java.util.Arrays;

/// Softmax attention of single rows over their caches. A chunk of work is a stretch of positions of one
/// key/value head of one row, for all query heads that share it; what the stretches found is joined
/// afterwards, as in FlashDecoding. Stretches have one length, so that sums do not depend on threads.
final class RowAttention implements WorkerTeam.Task {
    private static final int STRETCH = 256;

    private final DecoderSpec spec;
    private final RowTools tools;
    private final RowBatch batch;
    private final int group;
    /// Products with keys, by thread.
    private final float[][] scores;
    /// Values mixed by row, head and stretch.
    private float[] parts = new float[0];
    /// Greatest score and sum of weights of each part.
    private float[] weights = new float[0];

    private int stretches;
    private int block;
    private int keyDim;
    private int valueDim;
    private int[] queries = new int[0];

    RowAttention(DecoderSpec spec, RowTools tools, RowBatch batch) {
        this.spec = spec;
        this.tools = tools;
        this.batch = batch;
        group = spec.heads() / spec.kvHeads();
        scores = new float[tools.team().threads()][STRETCH];
    }

    /// Attends with the queries of all rows.
    ///
    /// @param newBlock number of the block
    /// @param heads its heads
    /// @param newQueries where each query head begins in a row of `qkv`
    void run(int newBlock, Heads heads, int[] newQueries) {
        block = newBlock;
        keyDim = heads.keyDim();
        valueDim = heads.valueDim();
        queries = newQueries;
        var longest = 0;
        for (var row = 0; row < batch.count(); row++) {
            longest = Math.max(longest, batch.position(row) + 1);
        }
        stretches = Math.ceilDiv(longest, STRETCH);
        reserve();
        tools.team().run(this, batch.count() * spec.kvHeads() * stretches);
    }

    /// Grows to the capacity of the caches, so that a growing text does not allocate at every token.
    private void reserve() {
        var capacity = 0;
        for (var row = 0; row < batch.count(); row++) {
            capacity = Math.max(capacity, batch.cache(row).capacity());
        }
        var count = Math.multiplyExact(batch.count() * spec.heads(), Math.ceilDiv(capacity, STRETCH));
        if (weights.length < 2 * count || parts.length < Math.multiplyExact(count, valueDim)) {
            parts = new float[Math.multiplyExact(count, valueDim)];
            weights = new float[2 * count];
        }
    }

    @Override
    public void run(int chunk, int worker) {
        var stretch = chunk % stretches;
        var kvHead = chunk / stretches % spec.kvHeads();
        var row = chunk / stretches / spec.kvHeads();
        var first = stretch * STRETCH;
        var count = Math.min(STRETCH, batch.position(row) + 1 - first);
        for (var i = 0; i < group && count > 0; i++) {
            attend(row, kvHead, kvHead * group + i, stretch, count, worker);
        }
    }

    private void attend(int row, int kvHead, int head, int stretch, int count, int worker) {
        var kernels = tools.kernels();
        var cache = batch.cache(row);
        var keys = cache.keys(block);
        var first = stretch * STRETCH;
        var own = scores[worker];
        var scratch = tools.scratch(worker);
        var headKeys = kvHead * (keys.bytes() / spec.kvHeads());
        for (var i = 0; i < count; i += Kernels.KEY_GROUP) {
            var start = headKeys + cache.type().bytes((long) (first + i) * keyDim);
            kernels.scores(cache.type(), keys.data(), start, keyDim, batch.qkv[row], queries[head], own, i, scratch);
        }
        var part = part(row, head, stretch);
        var scale = (float) spec.attentionScale();
        kernels.expShifted(own, 0, count, scale, weights, 2 * part, scratch);
        var width = valueDim;
        Arrays.fill(parts, part * width, (part + 1) * width, 0);
        var values = cache.values(block);
        var start = kvHead * (values.bytes() / spec.kvHeads()) + cache.type().bytes((long) first * width);
        kernels.mix(cache.type(), values.data(), start, count, width, own, 0, parts, part * width, scratch);
    }

    private int part(int row, int head, int stretch) {
        return (row * spec.heads() + head) * stretches + stretch;
    }

    /// Joins what was found for a row.
    ///
    /// @param mixed gets `[heads valueDim]`
    void join(int row, float[] mixed) {
        var used = Math.ceilDiv(batch.position(row) + 1, STRETCH);
        var width = valueDim;
        for (var head = 0; head < spec.heads(); head++) {
            var first = part(row, head, 0);
            var most = Float.NEGATIVE_INFINITY;
            for (var i = 0; i < used; i++) {
                most = Math.max(most, weights[2 * (first + i)]);
            }
            var total = 0.0;
            for (var i = 0; i < used; i++) {
                total += Math.exp(weights[2 * (first + i)] - most) * weights[2 * (first + i) + 1];
            }
            Arrays.fill(mixed, head * width, (head + 1) * width, 0);
            for (var i = 0; i < used; i++) {
                var factor = (float) (Math.exp(weights[2 * (first + i)] - most) / total);
                for (var j = 0; j < width; j++) {
                    mixed[head * width + j] += factor * parts[(first + i) * width + j];
                }
            }
        }
    }
}
