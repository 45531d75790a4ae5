package dev.lowrank.tensor;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.global.torch;

/// Attention without gradients in blocks of queries: scores of all query heads that share a key head are
/// one product, over the keys that the block can see, and several key heads go together where their scores
/// fit a cache. LibTorch's own kernel multiplies head by head in pieces that OpenBLAS needs twice the time
/// for.
///
/// @param q `[batch, heads, queries, keyDim]`
/// @param k `[batch, kvHeads, keys, keyDim]`
/// @param v `[batch, kvHeads, keys, valueDim]`
/// @param scale factor on the scores
record CausalAttention(Tensor q, Tensor k, Tensor v, double scale) {
    /// Bytes of scores that stay in a core's cache from one operation to the next.
    private static final long MOST_SCORES = 768L << 10;

    private static final long MOST_QUERIES = 64;
    private static final long FEWEST_QUERIES = 16;

    /// Queries of one batch entry that share some key heads.
    ///
    /// @param head first key head
    /// @param heads how many
    /// @param first first query
    private record Task(long entry, long head, long heads, long first, long count) {}

    /// @return `[batch, heads, queries, valueDim]`, a view of `[batch, queries, heads, valueDim]`
    Tensor run() {
        var queries = q.size(2);
        var result = Tensors.empty(q.dtype(), q.size(0), queries, q.size(1), v.size(3));
        var rowBytes = groups() * k.size(2) * q.dtype().bytes();
        var block = Math.clamp(MOST_SCORES / rowBytes, FEWEST_QUERIES, MOST_QUERIES);
        var heads = Math.clamp(MOST_SCORES / (rowBytes * block), 1, k.size(1));
        var tasks = new ArrayList<Task>();
        // The last queries see most keys: they come first, so that threads end together.
        for (var end = queries; end > 0; end -= block) {
            var first = Math.max(0, end - block);
            for (var entry = 0L; entry < q.size(0); entry++) {
                for (var head = 0L; head < k.size(1); head += heads) {
                    tasks.add(new Task(entry, head, Math.min(heads, k.size(1) - head), first, end - first));
                }
            }
        }
        var future = future(q.dtype(), Math.min(block, queries), Math.min(block, queries));
        spread(tasks, future, result);
        return result.transpose(1, 2);
    }

    private void spread(List<Task> tasks, Tensor future, Tensor result) {
        if (Compute.worthSplitting(q.elements(), k.size(2), 1)) {
            Compute.each(tasks.size(), i -> TensorScope.tidyRun(() -> attend(tasks.get(i), future, result)));
        } else {
            tasks.forEach(task -> TensorScope.tidyRun(() -> attend(task, future, result)));
        }
    }

    private long groups() {
        return q.size(1) / k.size(1);
    }

    /// What queries may not see: −∞ above the diagonal that ends at the last query and the last key.
    ///
    /// @return `[queries, keys]`
    static Tensor future(DType dtype, long queries, long keys) {
        return TensorScope.tidy(() ->
                Tensors.full(Double.NEGATIVE_INFINITY, dtype, queries, keys).triu(keys - queries + 1));
    }

    private void attend(Task task, Tensor future, Tensor result) {
        var group = groups();
        var rows = task.count();
        var seen = k.size(2) - q.size(2) + task.first() + rows;
        var own = q.select(0, task.entry())
                .narrow(0, task.head() * group, task.heads() * group)
                .narrow(1, task.first(), rows)
                .mul(scale)
                .reshape(task.heads(), group * rows, q.size(3));
        var keys =
                k.select(0, task.entry()).narrow(0, task.head(), task.heads()).narrow(1, 0, seen);
        var values =
                v.select(0, task.entry()).narrow(0, task.head(), task.heads()).narrow(1, 0, seen);
        var scores = own.matmul(keys.transpose(1, 2)); // [heads, group rows, seen]
        scores.reshape(task.heads() * group, rows, seen)
                .narrow(2, seen - rows, rows)
                .add_(future.narrow(0, 0, rows).narrow(1, 0, rows));
        softmax(scores);
        result.select(0, task.entry())
                .narrow(0, task.first(), rows)
                .narrow(1, task.head() * group, task.heads() * group)
                .copy_(scores.matmul(values)
                        .reshape(task.heads() * group, rows, v.size(3))
                        .transpose(0, 1));
    }

    private static void softmax(Tensor scores) {
        Native.run("softmax", () -> torch.softmax_out(scores.handle(), scores.handle(), -1), scores);
    }
}
