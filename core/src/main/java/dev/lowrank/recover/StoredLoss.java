package dev.lowrank.recover;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.Arrays;
import java.util.List;

/// The mean cross-entropy of a model as it is stored, in F32.
final class StoredLoss {
    private static final int ROWS = 128;

    private StoredLoss() {}

    /// @param windows of one length
    /// @return nats a token
    static double of(LanguageModel model, List<int[]> windows) {
        var losses = new double[windows.size()];
        try (var decoder = TorchDecoder.load(model, Residency.RESIDENT)) {
            Compute.each(
                    losses.length,
                    i -> TensorScope.tidyRun(() -> {
                        var tokens = windows.get(i);
                        losses[i] = sum(decoder, decoder.hidden(List.of(tokens)), tokens) / (tokens.length - 1);
                    }));
        }
        return Arrays.stream(losses).sum() / losses.length;
    }

    private static double sum(TorchDecoder decoder, Tensor hidden, int[] tokens) {
        var sum = 0.0;
        for (var first = 0; first < tokens.length - 1; first += ROWS) {
            var from = first;
            var count = Math.min(ROWS, tokens.length - 1 - first);
            sum += TensorScope.tidy(() -> {
                var logits = decoder.logits(hidden.narrow(1, from, count)).select(0, 0);
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
        return sum;
    }
}
