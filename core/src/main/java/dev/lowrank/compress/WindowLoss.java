package dev.lowrank.compress;

import dev.lowrank.model.TorchDecoder;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.TensorScope;
import java.util.List;

/// The mean loss of windows whose residual stream after the last block is stored, in nats per token.
final class WindowLoss {
    private WindowLoss() {}

    /// @param decoder has the final norm and the head
    /// @param last where the stream lies
    static double mean(TorchDecoder decoder, HiddenStates hidden, int last, List<int[]> windows) {
        var losses = new double[windows.size()];
        Compute.each(losses.length, i -> losses[i] = one(decoder, hidden, last, i, windows.get(i)));
        var sum = 0.0;
        for (var loss : losses) {
            sum += loss;
        }
        return sum / losses.length;
    }

    private static double one(TorchDecoder decoder, HiddenStates hidden, int last, int window, int[] tokens) {
        return TensorScope.tidy(() -> {
            var logits = decoder.logits(hidden.read(last, window, 1)).select(0, 0);
            var losses = Functional.crossEntropy(logits, CalibrationStream.next(tokens, 0, tokens.length));
            return losses.to(DType.F64).sum().item() / (tokens.length - 1);
        });
    }
}
