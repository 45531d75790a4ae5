package dev.lowrank.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// The rule that cuts a text into consecutive separate windows: the tail that fills no window is dropped,
/// and only the first windows are taken.
///
/// @param window tokens in a window, at least 2 since a window predicts `window - 1` tokens
/// @param maxWindows how many windows are taken at most, at least 1
public record Windows(int window, int maxWindows) {
    /// Checks both numbers.
    public Windows {
        if (window < 2) {
            throw new IllegalArgumentException("A window of " + window + " tokens predicts nothing; use 2 or more.");
        }
        if (maxWindows < 1) {
            throw new IllegalArgumentException("At least 1 window must be taken, not " + maxWindows + ".");
        }
    }

    /// @param ids the text's token ids, from one encoding
    /// @return windows of exactly `window` ids each; empty if the text is shorter than one
    public List<int[]> cut(int[] ids) {
        var count = Math.min(ids.length / window, maxWindows);
        var windows = new ArrayList<int[]>(count);
        for (var i = 0; i < count; i++) {
            windows.add(Arrays.copyOfRange(ids, i * window, (i + 1) * window));
        }
        return windows;
    }

    /// @return the rule in words, as recorded in a text's identity
    public String rule() {
        return "first " + maxWindows + " consecutive windows of " + window;
    }
}
