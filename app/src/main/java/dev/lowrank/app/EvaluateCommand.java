package dev.lowrank.app;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.text.Corpus;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/// Measures a model.
@Command(
        name = "evaluate",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Measure perplexity, prefill and decode speed and memory of a model.")
final class EvaluateCommand implements Callable<Integer> {
    private final Console console;
    private final ModelArgument models;

    @Parameters(arity = "0..1", paramLabel = "MODEL", description = "Folder, .gguf file or org/name; the pocket model.")
    private @Nullable String model;

    @Mixin
    private EvaluationOptions options;

    EvaluateCommand(Console console, ModelArgument models) {
        this.console = console;
        this.models = models;
    }

    @Override
    public Integer call() {
        var corpora = options.corpora();
        try (var opened = LanguageModel.open(models.resolve(model))) {
            var measured = measure(opened, corpora);
            console.result(measured, measured::text);
        }
        return ExitCode.OK.number();
    }

    private Measurement measure(LanguageModel opened, List<Corpus> corpora) {
        try (var tokenizer = opened.tokenizer();
                var progress = console.progress()) {
            var sets = options.sets(tokenizer, corpora);
            return Measurement.of(opened, options.names(), sets, options.speed(), progress);
        }
    }
}
