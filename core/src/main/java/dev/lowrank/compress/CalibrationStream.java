package dev.lowrank.compress;

import dev.lowrank.compress.statistics.BlockStatistics;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.model.Angles;
import dev.lowrank.model.Embedding;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import dev.lowrank.model.SiteTap;
import dev.lowrank.model.TorchBlock;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Windows of text on their way through the blocks of the source, one block after the other; between two
/// blocks they lie in a file.
final class CalibrationStream {
    private final LanguageModel source;
    private final List<int[]> windows;
    private final HiddenStates hidden;
    private final List<Batch> batches = new ArrayList<>();
    private final int shares;

    /// @param windows at least one, of equal length
    /// @param prefix first part of the working files' names
    CalibrationStream(LanguageModel source, List<int[]> windows, Path work, String prefix) {
        this.source = source;
        this.windows = windows;
        var length = windows.getFirst().length;
        hidden = new HiddenStates(work, prefix, length, source.spec().hiddenSize());
        var size = Math.max(1, Compression.BATCH_TOKENS / length);
        for (var first = 0; first < windows.size(); first += size) {
            batches.add(new Batch(first, Math.min(size, windows.size() - first)));
        }
        shares = Math.min(Compute.threads(), batches.size());
    }

    /// Windows that pass through a block at once.
    ///
    /// @param first first window
    /// @param count windows
    record Batch(int first, int count) {}

    HiddenStates hidden() {
        return hidden;
    }

    /// The residual stream before the first block.
    void embed() {
        var embedding = Embedding.of(source);
        for (var batch : batches) {
            var tokens = windows.subList(batch.first(), batch.first() + batch.count());
            TensorScope.tidyRun(() -> hidden.write(0, batch.first(), embedding.lookup(tokens, 0)));
        }
    }

    /// Runs the windows through a block and measures what its sites see: each thread takes a fixed share of
    /// the batches and sums its own statistics, which are then added in a fixed order.
    ///
    /// @param products element type that the block multiplies in
    /// @return statistics of `targets`; the caller closes them
    BlockStatistics measure(SourceBlock block, DType products, List<LinearSite> targets, Set<Statistic> needs) {
        return measure(block, products, targets, needs, role -> false);
    }

    /// The same with some roles measured at their inputs, whatever it costs.
    ///
    /// @param products element type that the block multiplies in
    /// @return statistics of `targets`; the caller closes them
    BlockStatistics measure(
            SourceBlock block,
            DType products,
            List<LinearSite> targets,
            Set<Statistic> needs,
            Predicate<Role> atInput) {
        var statistics = new ArrayList<BlockStatistics>();
        try {
            for (var i = 0; i < shares; i++) {
                statistics.add(BlockStatistics.of(targets, needs, atInput, site -> {
                    var bias = block.dense(site).bias();
                    return bias == null ? null : Tensors.from(bias, DType.F32);
                }));
            }
            TensorScope.tidyRun(() -> forward(block.index(), block.load(products), statistics::get));
            for (var other : statistics.subList(1, shares)) {
                statistics.getFirst().add(other);
                other.close();
            }
            return statistics.getFirst();
        } catch (RuntimeException failure) {
            statistics.forEach(BlockStatistics::close);
            throw failure;
        }
    }

    /// Runs the windows through a block.
    ///
    /// @param loaded the block or what stands for it
    void forward(int index, TorchBlock loaded) {
        forward(index, loaded, share -> SiteTap.NONE);
    }

    /// Runs the windows through a block and looks at it.
    ///
    /// @param taps of each share of the batches
    void forward(int index, TorchBlock loaded, IntFunction<? extends SiteTap> taps) {
        var angles = angles();
        eachBatch((share, batch) -> {
            var input = hidden.read(index, batch.first(), batch.count());
            hidden.write(index + 1, batch.first(), loaded.forward(input, angles, null, taps.apply(share)));
        });
    }

    /// Does something with every batch: each thread takes a fixed share of them, in order.
    void eachBatch(BatchWork work) {
        Compute.each(shares(), share -> {
            for (var i = share; i < batches.size(); i += shares()) {
                var batch = batches.get(i);
                TensorScope.tidyRun(() -> work.accept(share, batch));
            }
        });
    }

    /// Work on a batch, in a scope of its own.
    interface BatchWork {
        /// @param share the thread's number
        void accept(int share, Batch batch);
    }

    /// How many threads share the batches.
    int shares() {
        return shares;
    }

    /// The rotation of every window's positions, in the innermost scope.
    @Nullable
    Angles angles() {
        return Angles.of(source.spec(), 0, windows.getFirst().length);
    }

    /// The token that follows each of some tokens; the last of a window has none and does not count in a
    /// loss.
    ///
    /// @return I64 `[count]`
    static Tensor next(int[] tokens, int first, int count) {
        var labels = new long[count];
        for (var i = 0; i < count; i++) {
            labels[i] = first + i + 1 < tokens.length ? tokens[first + i + 1] : Functional.IGNORED;
        }
        return Tensors.ofLongs(labels, count);
    }
}
