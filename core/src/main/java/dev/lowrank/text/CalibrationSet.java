package dev.lowrank.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/// Text whose activations steer a compression; never the text that the result is measured on.
public final class CalibrationSet {
    private final WindowSet set;

    private CalibrationSet(WindowSet set) {
        this.set = set;
    }

    /// Windows at random places: each text is encoded once without special tokens, sample `i` lies in text
    /// `i mod texts`, and
    /// its first token is uniform in `[0, tokens - window - 1)`. `SplittableRandom(seed)` draws the places
    /// in the order of the
    /// samples, so the same seed gives the same windows everywhere.
    ///
    /// @param tokenizer the model's
    /// @param corpora the texts, mixed evenly
    /// @param samples number of windows
    /// @param window tokens in a window
    /// @param seed decides the places
    /// @return the set
    /// @throws TextException `DATA_SHORT` if a text has fewer than `window + 2` tokens
    public static CalibrationSet sample(Tokenizer tokenizer, List<Corpus> corpora, int samples, int window, long seed) {
        if (corpora.isEmpty() || samples < corpora.size()) {
            throw new IllegalArgumentException("Calibration needs at least one text and one sample of each: "
                    + corpora.size() + " texts, " + samples + " samples.");
        }
        var rule = new Windows(window, samples);
        var ids = new ArrayList<int[]>(corpora.size());
        var sources = new ArrayList<TextIdentity.Source>(corpora.size());
        for (var corpus : corpora) {
            var encoded = tokenizer.encode(corpus.text());
            if (encoded.length < window + 2) {
                throw WindowSet.tooShort(corpus, encoded.length, window + 2, window);
            }
            ids.add(encoded);
            sources.add(new TextIdentity.Source(corpus.name(), corpus.sha256(), encoded.length));
        }
        var random = new SplittableRandom(seed);
        var windows = new ArrayList<int[]>(samples);
        for (var i = 0; i < samples; i++) {
            var text = ids.get(i % ids.size());
            var start = random.nextInt(text.length - window - 1);
            windows.add(Arrays.copyOfRange(text, start, start + window));
        }
        var words = "sample i at a uniform token offset of text i mod " + ids.size();
        return of(windows, new TextIdentity(sources, words, rule.window(), samples, seed, (long) samples * window));
    }

    /// The same windows as an encoder reads them, each with the frame around it.
    public CalibrationSet framed(TextFrame frame) {
        return new CalibrationSet(set.framed(frame));
    }

    /// @param windows token ids, at least one window; copied
    /// @param identity what they were made of
    /// @return the set
    public static CalibrationSet of(List<int[]> windows, TextIdentity identity) {
        return new CalibrationSet(new WindowSet(windows, identity));
    }

    /// @return the windows, each a copy
    public List<int[]> windows() {
        return set.windows();
    }

    /// @return number of windows
    public int size() {
        return set.size();
    }

    /// @return what the windows were made of
    public TextIdentity identity() {
        return set.identity();
    }
}
