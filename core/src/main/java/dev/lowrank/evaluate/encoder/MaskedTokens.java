package dev.lowrank.evaluate.encoder;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.TorchEncoder;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.text.Corpus;
import dev.lowrank.text.EvaluationSet;
import dev.lowrank.text.TextException;
import dev.lowrank.text.TextFrame;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/// How well an encoder with a masked-token head guesses hidden tokens: a text is encoded once and cut into
/// consecutive windows, each framed as a text of its own; in each, 15 % of the tokens, drawn from a fixed
/// seed, give their place to the mask token at once, and the loss is averaged over all of them. One pass a
/// window, where hiding every token by itself would take one a token; figures of the two do not compare.
///
/// @param text name of the text
/// @param window tokens in a window, those around it among them
/// @param windows number of windows
/// @param tokens hidden tokens
/// @param value `exp(mean negative log-likelihood)`
/// @param error standard error of `value`, from the spread of the tokens' losses
public record MaskedTokens(String text, int window, int windows, long tokens, double value, double error) {
    /// Name of the protocol, printed with every figure.
    public static final String PROTOCOL = "15 % of the tokens masked at once, seed 0, separate framed windows";

    private static final double SHARE = 0.15;
    private static final long SEED = 0;

    /// Measures a text.
    ///
    /// @param window tokens in a window, those around it among them
    /// @param maxWindows how many windows at most
    /// @throws TextException if the tokenizer has no mask token, or the text fills no window
    /// @throws IllegalStateException if the model has no masked-token head
    /// @throws NumericalException if a loss is not finite
    public static MaskedTokens measure(
            LanguageModel model, Corpus corpus, int window, int maxWindows, Progress progress) {
        try (var tokenizer = model.tokenizer();
                var encoder = TorchEncoder.load(model)) {
            var frame = tokenizer.frame();
            var mask = tokenizer
                    .mask()
                    .orElseThrow(() -> new TextException(
                            TextException.Code.TOK_VOCAB,
                            "tokenizer_config.json",
                            "names no mask_token; add the one that the model was trained with."));
            var set = EvaluationSet.firstWindows(tokenizer, corpus, window - 2, maxWindows);
            return measure(encoder, corpus.name(), set.windows(), frame, mask, progress);
        }
    }

    private static MaskedTokens measure(
            TorchEncoder encoder, String name, List<int[]> windows, TextFrame frame, int mask, Progress progress) {
        var losses = new double[windows.size()][];
        var together = Compute.threads();
        for (var first = 0; first < losses.length; first += together) {
            progress.step("masked tokens " + name, first, losses.length);
            var from = first;
            Compute.each(
                    Math.min(together, losses.length - first),
                    i -> losses[from + i] = losses(encoder, windows.get(from + i), frame, mask, SEED + from + i));
        }
        progress.step("masked tokens " + name, losses.length, losses.length);
        var all = Arrays.stream(losses).flatMapToDouble(Arrays::stream).toArray();
        var mean = Arrays.stream(all).average().orElse(Double.NaN);
        var value = Math.exp(mean);
        if (!Double.isFinite(value)) {
            throw new NumericalException(
                    NumericalException.Kind.NON_FINITE,
                    "the masked tokens of " + name,
                    "the mean loss is " + mean + " nats, expected a finite number; the model is damaged");
        }
        var squares =
                Arrays.stream(all).map(loss -> (loss - mean) * (loss - mean)).sum();
        var error = value * Math.sqrt(squares / Math.max(1, all.length - 1) / all.length);
        return new MaskedTokens(name, windows.getFirst().length + 2, windows.size(), all.length, value, error);
    }

    /// Losses of a window's hidden tokens, in nats.
    private static double[] losses(TorchEncoder encoder, int[] window, TextFrame frame, int mask, long seed) {
        var framed = frame.single(window, window.length + 2).ids();
        var places = places(window.length, new SplittableRandom(seed));
        var wanted = new long[places.length];
        for (var i = 0; i < places.length; i++) {
            wanted[i] = framed[(int) places[i]];
            framed[(int) places[i]] = mask;
        }
        return TensorScope.tidy(() -> {
            var hidden = encoder.hidden(List.of(framed)).select(0, 0);
            var rows = hidden.indexSelect(0, Tensors.ofLongs(places, places.length));
            return Functional.crossEntropy(encoder.tokens(rows), Tensors.ofLongs(wanted, wanted.length))
                    .toDoubles();
        });
    }

    /// Places of hidden tokens in a framed window, ascending.
    static long[] places(int length, SplittableRandom random) {
        var count = Math.max(1, (int) Math.round(SHARE * length));
        var all = new long[length];
        Arrays.setAll(all, i -> i + 1);
        for (var i = 0; i < count; i++) {
            var other = random.nextInt(i, length);
            var kept = all[i];
            all[i] = all[other];
            all[other] = kept;
        }
        return Arrays.stream(all).limit(count).sorted().toArray();
    }
}
