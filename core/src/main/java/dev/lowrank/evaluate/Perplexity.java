package dev.lowrank.evaluate;

import dev.lowrank.model.Progress;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.tensor.NumericalException.Kind;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.text.EvaluationSet;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/// Perplexity over separate windows: a text is encoded once without special tokens and cut into consecutive
/// windows; in each, every token but the first is predicted from those before it, and the loss is averaged
/// over all predictions.
///
/// With windows of 2048 over the WikiText-2 raw test split this is the protocol of GPTQ, SVD-LLM and most
/// papers, but for the BOS token that some tokenizers put at the very start. A window is never skipped: a
/// loss that is not finite fails.
///
/// @param text name of the text
/// @param window tokens in a window
/// @param windows number of windows
/// @param tokens predictions, `windows * (window − 1)`
/// @param value `exp(mean negative log-likelihood)`, nats summed in F64
/// @param standardError of the value, to first order: the value times the standard error of the windows'
///     mean
///     losses; NaN for a single window
public record Perplexity(String text, int window, int windows, long tokens, double value, double standardError) {
    /// Name of the protocol, printed with every figure.
    public static final String PROTOCOL = "separate windows, no special tokens";

    /// Measures a text, as many windows side by side as there are threads.
    ///
    /// @throws NumericalException naming the window whose loss is not finite
    public static Perplexity measure(TorchDecoder decoder, EvaluationSet set, Progress progress) {
        var windows = set.windows();
        var text = set.identity().files().stream().map(file -> file.name()).collect(Collectors.joining("+"));
        var losses = new double[windows.size()];
        var together = Compute.threads();
        for (var first = 0; first < losses.length; first += together) {
            progress.step("perplexity " + text, first, losses.length);
            var from = first;
            Compute.each(
                    Math.min(together, losses.length - first),
                    i -> losses[from + i] = loss(decoder, windows.get(from + i)));
        }
        progress.step("perplexity " + text, losses.length, losses.length);
        var sum = 0.0;
        var tokens = 0L;
        for (var i = 0; i < losses.length; i++) {
            if (!Double.isFinite(losses[i])) {
                throw new NumericalException(
                        Kind.NON_FINITE,
                        "window " + i + " of " + text,
                        "the loss is " + losses[i]
                                + ", expected a finite number; the model is damaged. No window is skipped");
            }
            sum += losses[i];
            tokens += windows.get(i).length - 1;
        }
        var value = Math.exp(sum / tokens);
        if (!Double.isFinite(value)) {
            throw new NumericalException(
                    Kind.NON_FINITE,
                    text,
                    "the mean loss is " + sum / tokens
                            + " nats, beyond what a perplexity can say; the model is damaged");
        }
        var error = value * standardError(losses) / (set.identity().window() - 1);
        return new Perplexity(text, set.identity().window(), windows.size(), tokens, value, error);
    }

    /// Standard error of the mean of equally many predictions each; NaN for a single one.
    static double standardError(double[] losses) {
        var mean = 0.0;
        for (var loss : losses) {
            mean += loss / losses.length;
        }
        var squares = 0.0;
        for (var loss : losses) {
            squares += (loss - mean) * (loss - mean);
        }
        return Math.sqrt(squares / (losses.length - 1) / losses.length);
    }

    /// Summed negative log-likelihood of a window, in nats.
    private static double loss(TorchDecoder decoder, int[] window) {
        var predictions = window.length - 1;
        var targets = new long[predictions];
        for (var i = 0; i < predictions; i++) {
            targets[i] = window[i + 1];
        }
        return TensorScope.tidy(() -> {
            var logits = decoder.logits(List.of(window)).select(0, 0).narrow(0, 0, predictions); // [window − 1, vocab]
            var losses = Functional.crossEntropy(logits, Tensors.ofLongs(targets, predictions))
                    .toDoubles();
            var sum = 0.0;
            for (var loss : losses) {
                sum += loss;
            }
            return sum;
        });
    }

    /// Measures several texts in turn.
    public static List<Perplexity> measureAll(TorchDecoder decoder, List<EvaluationSet> sets, Progress progress) {
        var results = new ArrayList<Perplexity>();
        for (var set : sets) {
            results.add(measure(decoder, set, progress));
        }
        return results;
    }
}
