package dev.lowrank.text;

import java.util.List;

/// Text that a model is measured on. Never seen by compression or tuning: they take other types.
public final class EvaluationSet {
    private final WindowSet set;

    private EvaluationSet(WindowSet set) {
        this.set = set;
    }

    /// The first consecutive windows of a text, encoded once without special tokens; the tail is dropped.
    ///
    /// @param tokenizer the model's
    /// @param corpus the text
    /// @param window tokens in a window
    /// @param maxWindows how many windows are taken at most
    /// @return the set
    /// @throws TextException `DATA_SHORT` if the text does not fill one window
    public static EvaluationSet firstWindows(Tokenizer tokenizer, Corpus corpus, int window, int maxWindows) {
        return new EvaluationSet(WindowSet.first(tokenizer, corpus, new Windows(window, maxWindows)));
    }

    /// @param windows token ids, at least one window; copied
    /// @param identity what they were made of
    /// @return the set
    public static EvaluationSet of(List<int[]> windows, TextIdentity identity) {
        return new EvaluationSet(new WindowSet(windows, identity));
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
