package dev.lowrank.text;

import java.util.ArrayList;
import java.util.List;

/// Windows with their identity; the body that the three sets share without being one another.
record WindowSet(List<int[]> windows, TextIdentity identity) {
    WindowSet {
        if (windows.isEmpty()) {
            throw new IllegalArgumentException("A set needs at least one window.");
        }
        windows = copy(windows);
    }

    @Override
    public List<int[]> windows() {
        return copy(windows);
    }

    int size() {
        return windows.size();
    }

    /// Every window with a frame around it.
    WindowSet framed(TextFrame frame) {
        var framed = windows.stream()
                .map(window -> frame.single(window, window.length + 2).ids())
                .toList();
        var length = identity.window() + 2;
        return new WindowSet(
                framed,
                new TextIdentity(
                        identity.files(),
                        identity.rule() + ", each framed as an encoder's text",
                        length,
                        identity.samples(),
                        identity.seed(),
                        (long) framed.size() * length));
    }

    static WindowSet first(Tokenizer tokenizer, Corpus corpus, Windows rule) {
        var ids = tokenizer.encode(corpus.text());
        var windows = rule.cut(ids);
        if (windows.isEmpty()) {
            throw tooShort(corpus, ids.length, rule.window(), rule.window());
        }
        var source = new TextIdentity.Source(corpus.name(), corpus.sha256(), ids.length);
        var tokens = (long) windows.size() * rule.window();
        return new WindowSet(
                windows, new TextIdentity(List.of(source), rule.rule(), rule.window(), windows.size(), 0, tokens));
    }

    static TextException tooShort(Corpus corpus, int tokens, int needed, int window) {
        return new TextException(
                TextException.Code.DATA_SHORT,
                corpus.name(),
                tokens + " tokens; a window of " + window + " needs " + needed
                        + ". Give a longer text or a smaller window.");
    }

    private static List<int[]> copy(List<int[]> windows) {
        var copy = new ArrayList<int[]>(windows.size());
        for (var window : windows) {
            copy.add(window.clone());
        }
        return copy;
    }
}
