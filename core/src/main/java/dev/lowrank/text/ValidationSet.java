package dev.lowrank.text;

import java.util.List;

/// Text that choices between models are made on (ranks, early stopping); never calibration, never
/// evaluation.
public final class ValidationSet {
    private final WindowSet set;

    private ValidationSet(WindowSet set) {
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
    public static ValidationSet firstWindows(Tokenizer tokenizer, Corpus corpus, int window, int maxWindows) {
        return new ValidationSet(WindowSet.first(tokenizer, corpus, new Windows(window, maxWindows)));
    }

    /// The same windows as an encoder reads them, each with the frame around it.
    public ValidationSet framed(TextFrame frame) {
        return new ValidationSet(set.framed(frame));
    }

    /// @param windows token ids, at least one window; copied
    /// @param identity what they were made of
    /// @return the set
    public static ValidationSet of(List<int[]> windows, TextIdentity identity) {
        return new ValidationSet(new WindowSet(windows, identity));
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
