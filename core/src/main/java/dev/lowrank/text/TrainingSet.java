package dev.lowrank.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Text that weights are trained on; never the text that the result is validated or measured on.
public final class TrainingSet {
    private final List<List<int[]>> texts;
    private final TextIdentity identity;

    private TrainingSet(List<List<int[]>> texts, TextIdentity identity) {
        this.texts = texts;
        this.identity = identity;
    }

    /// All consecutive windows of some texts, each encoded once without special tokens; tails are dropped.
    ///
    /// @param tokenizer the model's
    /// @param corpora the texts
    /// @param window tokens in a window
    /// @return the set
    /// @throws TextException `DATA_SHORT` if a text does not fill one window
    public static TrainingSet consecutive(Tokenizer tokenizer, List<Corpus> corpora, int window) {
        var rule = new Windows(window, Integer.MAX_VALUE);
        var texts = new ArrayList<List<int[]>>();
        var sources = new ArrayList<TextIdentity.Source>();
        for (var corpus : corpora) {
            var ids = tokenizer.encode(corpus.text());
            var windows = rule.cut(ids);
            if (windows.isEmpty()) {
                throw WindowSet.tooShort(corpus, ids.length, window, window);
            }
            texts.add(windows);
            sources.add(new TextIdentity.Source(corpus.name(), corpus.sha256(), ids.length));
        }
        return of(texts, sources);
    }

    /// A set of windows that are there already.
    ///
    /// @param texts for each text its windows of token ids, at least one, all of one length; copied
    /// @param sources what the texts were
    /// @return the set
    public static TrainingSet of(List<List<int[]>> texts, List<TextIdentity.Source> sources) {
        if (texts.isEmpty() || texts.stream().anyMatch(List::isEmpty)) {
            throw new IllegalArgumentException("Training needs at least one text and a window of each.");
        }
        var window = texts.getFirst().getFirst().length;
        var copies = new ArrayList<List<int[]>>();
        var count = 0;
        for (var text : texts) {
            var copy = new ArrayList<int[]>();
            for (var each : text) {
                if (each.length != window) {
                    throw new IllegalArgumentException(
                            "Training windows must have one length; found " + window + " and " + each.length + ".");
                }
                copy.add(each.clone());
            }
            count += copy.size();
            copies.add(copy);
        }
        var identity = new TextIdentity(
                sources, "all consecutive windows of " + window, window, count, 0, (long) count * window);
        return new TrainingSet(copies, identity);
    }

    /// @return number of texts
    public int texts() {
        return texts.size();
    }

    /// @return number of windows of a text
    public int windows(int text) {
        return texts.get(text).size();
    }

    /// @return a copy of a window
    public int[] window(int text, int index) {
        var window = texts.get(text).get(index);
        return Arrays.copyOf(window, window.length);
    }

    /// @return number of windows of all texts
    public int size() {
        return identity.samples();
    }

    /// @return what the windows were made of
    public TextIdentity identity() {
        return identity;
    }
}
