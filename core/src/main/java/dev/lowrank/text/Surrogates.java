package dev.lowrank.text;

/// Finds halves of surrogate pairs, which Java strings may hold and UTF-8 may not.
final class Surrogates {
    private Surrogates() {}

    /// @return index of the first unpaired surrogate, -1 if there is none
    static int firstUnpaired(String text) {
        for (var i = 0; i < text.length(); i++) {
            var c = text.charAt(i);
            if (Character.isHighSurrogate(c) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
            } else if (Character.isSurrogate(c)) {
                return i;
            }
        }
        return -1;
    }
}
