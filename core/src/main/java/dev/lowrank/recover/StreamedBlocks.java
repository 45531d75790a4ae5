package dev.lowrank.recover;

import dev.lowrank.model.Angles;
import dev.lowrank.model.Embedding;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.SiteTap;
import dev.lowrank.model.TorchBlock;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import java.util.List;
import java.util.function.IntConsumer;

/// Runs windows through a model of which one block is in memory at a time. Each block is loaded once for
/// all windows, but each window passes it by itself: which windows happen to go together would change last
/// bits, and a run that continues puts others together.
final class StreamedBlocks {
    private final LanguageModel model;
    private final Embedding embedding;

    /// @param model borrowed
    StreamedBlocks(LanguageModel model) {
        this.model = model;
        this.embedding = Embedding.of(model);
    }

    /// The residual stream after the last block, before the final norm.
    ///
    /// @param windows at least one, all of one length
    /// @param shares threads that share the windows
    /// @return F32 `[1, seq, hidden]` of each, in the innermost scope
    List<Tensor> hidden(List<int[]> windows, int shares) {
        var spec = model.spec();
        var weights = model.weights();
        var angles = Angles.of(spec, 0, windows.getFirst().length);
        var streams = windows.stream()
                .map(tokens -> embedding.lookup(List.of(tokens), 0))
                .toList();
        for (var block : spec.blocks()) {
            Grad.off(() -> TensorScope.tidyRun(() -> {
                var loaded = TorchBlock.load(spec, block, weights, weights::linear);
                weights.release(block);
                each(
                        windows.size(),
                        shares,
                        i -> streams.get(i).copy_(loaded.forward(streams.get(i), angles, null, SiteTap.NONE)));
            }));
        }
        return streams;
    }

    /// Runs tasks in a fixed number of shares. Where there are several shares, a task has one core to
    /// itself even if it is the only one, so that its last bits are always the same.
    ///
    /// @param task runs task `i`, in a scope of its own
    static void each(int tasks, int shares, IntConsumer task) {
        Compute.each(shares, share -> {
            for (var i = share; i < tasks; i += shares) {
                var own = i;
                TensorScope.tidyRun(() -> task.accept(own));
            }
        });
    }
}
