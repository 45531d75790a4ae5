package dev.lowrank.compress;

import java.util.List;
import java.util.stream.Collectors;

/// Words of a command line.
public final class ShellWords {
    private ShellWords() {}

    /// The words as a POSIX shell reads them back.
    public static String line(List<String> words) {
        return words.stream().map(ShellWords::quoted).collect(Collectors.joining(" "));
    }

    private static String quoted(String word) {
        return word.matches("[A-Za-z0-9_.,:=/+@%-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
    }
}
