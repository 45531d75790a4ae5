package dev.lowrank.app;

import dev.lowrank.compress.ShellWords;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;

/// The command line as it was given.
final class CommandWords {
    private CommandWords() {}

    /// What a shell runs to give the same command in the same folder.
    static String given(CommandSpec spec) {
        var words = new ArrayList<>(List.of("lowrank"));
        words.addAll(spec.root().commandLine().getParseResult().originalArgs());
        return ShellWords.line(words);
    }
}
