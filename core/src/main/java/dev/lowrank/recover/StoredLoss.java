package dev.lowrank.recover;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.TorchHead;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.Arrays;
import java.util.List;

/// The mean cross-entropy of a model as it is stored, in F32. A block of it is in memory at a time, so that
/// judging what was trained needs no more than training it did.
final class StoredLoss {
    /// Windows that pass each block together; their residual streams lie in memory.
    static final int GROUP = 16;

    private static final int ROWS = 128;

    private StoredLoss() {}

    /// @param windows of one length
    /// @return nats a token
    static double of(LanguageModel model, List<int[]> windows) {
        var losses = new double[windows.size()];
        var shares = Math.min(Compute.threads(), windows.size());
        var blocks = new StreamedBlocks(model);
        Grad.off(() -> TensorScope.tidyRun(() -> {
            var head = TorchHead.load(model, DType.F32);
            for (var first = 0; first < losses.length; first += GROUP) {
                var from = first;
                var group = windows.subList(from, Math.min(losses.length, from + GROUP));
                TensorScope.tidyRun(() -> {
                    var hidden = blocks.hidden(group, shares);
                    StreamedBlocks.each(
                            group.size(), shares, i -> losses[from + i] = mean(head, hidden.get(i), group.get(i)));
                });
            }
        }));
        return Arrays.stream(losses).sum() / losses.length;
    }

    private static double mean(TorchHead head, Tensor hidden, int[] tokens) {
        var sum = 0.0;
        for (var first = 0; first < tokens.length - 1; first += ROWS) {
            var from = first;
            var count = Math.min(ROWS, tokens.length - 1 - first);
            sum += TensorScope.tidy(() -> {
                var normed = head.normed(hidden.narrow(1, from, count));
                var logits = head.logits(normed).select(0, 0);
                var labels = new long[count];
                for (var i = 0; i < count; i++) {
                    labels[i] = tokens[from + i + 1];
                }
                return Functional.crossEntropy(logits, Tensors.ofLongs(labels, count))
                        .to(DType.F64)
                        .sum()
                        .item();
            });
        }
        return sum / (tokens.length - 1);
    }
}
