package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.model.LanguageModel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/// Measures several models on the same texts, side by side.
@Command(
        name = "compare",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Measure several models on the same texts, side by side; the first is what the others are"
                + " compared with.")
final class CompareCommand implements Callable<Integer> {
    /// @param models each as `evaluate` tells it; peak memory is the process's so far
    record Document(@JsonProperty("models") List<Measurement> models) {
        String text() {
            var first = models.getFirst();
            var header = new ArrayList<>(List.of("model", "parameters", "bytes"));
            first.perplexity().forEach(line -> header.add(line.text()));
            if (first.speed() != null) {
                header.addAll(List.of("prefill/s", "decode/s"));
            }
            var table = Table.of(header.toArray(String[]::new));
            models.forEach(model -> table.row(cells(model, first)));
            return table.render() + "perplexity (times that of the first model); " + first.protocol() + "\n";
        }

        private static String[] cells(Measurement model, Measurement first) {
            var cells = new ArrayList<>(
                    List.of(model.model(), Figures.count(model.parameters()), Figures.bytes(model.bytes())));
            for (var i = 0; i < model.perplexity().size(); i++) {
                var value = model.perplexity().get(i).value();
                var factor = value / first.perplexity().get(i).value();
                cells.add(Figures.decimal(value, 3) + " (" + Figures.decimal(factor, 2) + ")");
            }
            var speed = model.speed();
            if (speed != null) {
                cells.add(Figures.decimal(speed.prefill(), 0));
                cells.add(Figures.decimal(speed.decode(), 1));
            }
            return cells.toArray(String[]::new);
        }
    }

    private final Console console;
    private final ModelArgument arguments;

    @Parameters(arity = "2..*", paramLabel = "MODEL", description = "At least two folders, .gguf files or org/name.")
    private List<String> models;

    @Mixin
    private EvaluationOptions options;

    CompareCommand(Console console, ModelArgument arguments) {
        this.console = console;
        this.arguments = arguments;
    }

    @Override
    public Integer call() {
        var corpora = options.corpora();
        var paths = models.stream().map(arguments::resolve).toList();
        var measured = new ArrayList<Measurement>();
        try (var progress = console.progress()) {
            for (var path : paths) {
                console.note(path.toString());
                try (var opened = LanguageModel.open(path);
                        var tokenizer = opened.tokenizer()) {
                    var sets = options.sets(tokenizer, corpora);
                    measured.add(Measurement.of(opened, options.names(), sets, options.speed(), progress));
                }
            }
        }
        var document = new Document(measured);
        console.result(document, document::text);
        return ExitCode.OK.number();
    }
}
