package dev.lowrank.app;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.text.Corpus;
import dev.lowrank.text.EvaluationSet;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/// The options that say on which texts a model is measured.
final class EvaluationTexts {
    /// A text cut into windows.
    ///
    /// @param name as the user wrote it
    /// @param set its windows
    record Text(String name, EvaluationSet set) {
        /// Reads a text.
        ///
        /// @param maxWindows how many windows at most; 0 for all
        static Text read(LanguageModel model, String name, Path file, int window, int maxWindows) {
            if (maxWindows < 0) {
                throw new CommandException(
                        ExitCode.USAGE, "--max-windows must be 0 (all) or more, not " + maxWindows + ".", "");
            }
            var context = model.spec().maxPositions();
            if (window > context) {
                throw new CommandException(
                        ExitCode.USAGE,
                        "A window of " + window + " tokens is beyond the model's context of " + context + ".",
                        "Give a smaller --window.");
            }
            var corpus = Corpus.read(file);
            var most = maxWindows == 0 ? Integer.MAX_VALUE : maxWindows;
            try (var tokenizer = model.tokenizer()) {
                return new Text(
                        name, UsageErrors.check(() -> EvaluationSet.firstWindows(tokenizer, corpus, window, most)));
            }
        }
    }

    @Option(
            names = "--text",
            paramLabel = "FILE",
            description = "Text or JSONL file to measure the perplexity on; may be given several times.")
    private List<String> files = new ArrayList<>();

    @Option(
            names = "--max-windows",
            defaultValue = "0",
            paramLabel = "N",
            description = "Only the first N windows of each text; 0 for all (${DEFAULT-VALUE}).")
    private int maxWindows;

    /// Whether any text was named.
    boolean any() {
        return !files.isEmpty();
    }

    /// The texts as the user named them.
    List<String> files() {
        return files;
    }

    /// Windows of each text at most; 0 for all.
    int maxWindows() {
        return maxWindows;
    }

    /// Refuses a command line without a text.
    ///
    /// @throws CommandException with code 2
    void require() {
        if (!any()) {
            throw new CommandException(
                    ExitCode.USAGE, "There is nothing to measure on.", "Name a text with --text FILE.");
        }
    }

    /// Reads the texts.
    ///
    /// @param window tokens in a window
    /// @throws CommandException with code 2 for a window or count out of range
    /// @throws dev.lowrank.text.TextException if a text cannot be read or fills no window
    List<Text> read(LanguageModel model, int window) {
        return files.stream()
                .map(name -> Text.read(model, name, Path.of(name), window, maxWindows))
                .toList();
    }
}
