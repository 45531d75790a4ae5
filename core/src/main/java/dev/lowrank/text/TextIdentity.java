package dev.lowrank.text;

import java.util.List;

/// What a set of windows was made of, so that a figure can be repeated.
///
/// @param files the texts, in the order in which they are mixed
/// @param rule how windows were taken, in words
/// @param window tokens in a window
/// @param samples number of windows
/// @param seed what decided the random offsets; 0 where nothing is random
/// @param tokens tokens in all windows together
public record TextIdentity(List<Source> files, String rule, int window, int samples, long seed, long tokens) {
    /// Copies the list.
    public TextIdentity {
        files = List.copyOf(files);
    }

    /// One text.
    ///
    /// @param name file name without folders
    /// @param sha256 hash of the file's bytes, 64 hexadecimal digits
    /// @param tokens tokens in the whole text
    public record Source(String name, String sha256, long tokens) {}
}
