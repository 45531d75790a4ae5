package dev.lowrank.app;

import dev.lowrank.text.Corpus;
import dev.lowrank.text.EvaluationSet;
import dev.lowrank.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/// The options that say what a model is measured on.
final class EvaluationOptions {
    @Option(
            names = "--text",
            paramLabel = "FILE",
            description = "Text or JSONL file to measure perplexity on; may be given several times.")
    private List<Path> texts = new ArrayList<>();

    @Option(names = "--window", defaultValue = "512", description = "Tokens in a window (${DEFAULT-VALUE}).")
    private int window;

    @Option(
            names = "--max-windows",
            defaultValue = "24",
            description = "Only the first windows of each text (${DEFAULT-VALUE}).")
    private int maxWindows;

    @Option(names = "--no-speed", description = "Measure perplexity only.")
    private boolean noSpeed;

    boolean speed() {
        return !noSpeed;
    }

    List<String> names() {
        return texts.stream().map(Path::toString).toList();
    }

    /// Reads the texts; once, since each model has a tokenizer of its own.
    List<Corpus> corpora() {
        return texts.stream().map(Corpus::read).toList();
    }

    /// Cuts the windows.
    ///
    /// @throws CommandException with code 2 for a window or count out of range
    List<EvaluationSet> sets(Tokenizer tokenizer, List<Corpus> corpora) {
        return UsageErrors.check(() -> corpora.stream()
                .map(corpus -> EvaluationSet.firstWindows(tokenizer, corpus, window, maxWindows))
                .toList());
    }
}
