package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.evaluate.Perplexity;
import dev.lowrank.evaluate.ProcessMemory;
import dev.lowrank.evaluate.task.TaskRun;
import dev.lowrank.model.LanguageModel;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// Measures a model.
@Command(
        name = "evaluate",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Measure a model: perplexity on texts, accuracy at tasks, prefill and decode speed, memory. A"
                + " text is encoded once without special tokens and cut into separate windows; none is skipped."
                + " Tasks follow the rules of lm-evaluation-harness. An encoder is measured on tasks of its own, and on"
                + " hidden tokens of texts where it has a head for them.")
final class EvaluateCommand implements Callable<Integer> {
    private final Console console;
    private final ModelArgument models;

    @Parameters(arity = "0..1", paramLabel = "MODEL", description = "Folder, .gguf file or org/name; the pocket model.")
    private @Nullable String model;

    @Mixin
    private EvaluationTexts texts;

    @Option(names = "--window", defaultValue = "512", description = "Tokens in a window (${DEFAULT-VALUE}).")
    private int window;

    @Option(
            names = "--representation",
            description = "Also measure how the last hidden states of each text spread: matrix entropy and matrix"
                    + " nuclear norm, which fall when a model collapses.")
    private boolean representation;

    @Mixin
    private TaskOptions tasks;

    @Mixin
    private SpeedOptions speed;

    EvaluateCommand(Console console, ModelArgument models) {
        this.console = console;
        this.models = models;
    }

    @Override
    public Integer call() {
        var plan = speed.plan();
        if (!texts.any() && !tasks.choice().any()) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "There is nothing to measure on.",
                    "Name a text with --text FILE, or tasks with --tasks and --task-data.");
        }
        var path = models.resolve(model);
        try (var opened = LanguageModel.open(path)) {
            if (opened.spec().encoder().isPresent()) {
                return encoder(opened);
            }
            var asked = tasks.plan();
            var yardstick = new Yardstick(texts.read(opened, window), representation, asked, plan);
            var document = Document.of(path.toString(), measure(opened, yardstick));
            console.result(document, document::text);
        }
        return ExitCode.OK.number();
    }

    private Integer encoder(LanguageModel opened) {
        tasks.refuseBesideEncoder();
        if (representation) {
            opened.requireDecoder(); // says what to use instead
        }
        try (var progress = console.progress()) {
            var document = new EncoderTasks(opened, tasks.choice(), texts, window).measure(progress);
            console.result(document, document::text);
        }
        return ExitCode.OK.number();
    }

    private Measurement measure(LanguageModel opened, Yardstick yardstick) {
        try (var progress = console.progress()) {
            return Measurement.of(opened, yardstick, progress);
        }
    }

    /// What `evaluate --json` prints; its keys are a contract.
    ///
    /// @param model path
    /// @param parameters numbers stored
    /// @param bytes bytes of the weight files
    /// @param perplexity one figure a text
    /// @param protocol how perplexity was measured
    /// @param representation how hidden states spread, one figure a text; absent where not asked for
    /// @param tasks one figure for each metric of each task; absent where none was asked
    /// @param taskProtocol how tasks were asked; absent likewise
    /// @param speed absent with `--no-speed`
    /// @param peakMemoryBytes peak resident memory of the process, heap and native together
    /// @param peakHeapBytes peak of the Java heap and its own native pools
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Document(
            @JsonProperty("model") String model,
            @JsonProperty("parameters") long parameters,
            @JsonProperty("bytes") long bytes,
            @JsonProperty("perplexity") List<Measurement.TextFigure> perplexity,
            @JsonProperty("protocol") String protocol,
            @JsonProperty("representation") @Nullable List<Measurement.SpreadFigure> representation,
            @JsonProperty("tasks") @Nullable List<TaskMeasurement.TaskFigure> tasks,
            @JsonProperty("task_protocol") @Nullable String taskProtocol,
            @JsonProperty("speed") Measurement.@Nullable SpeedFigure speed,
            @JsonProperty("peak_memory_bytes") long peakMemoryBytes,
            @JsonProperty("peak_heap_bytes") long peakHeapBytes) {

        static Document of(String model, Measurement measured) {
            return new Document(
                    model,
                    measured.parameters(),
                    measured.bytes(),
                    measured.perplexity(),
                    Perplexity.PROTOCOL,
                    measured.representation().isEmpty() ? null : measured.representation(),
                    measured.tasks().isEmpty() ? null : measured.tasks(),
                    measured.tasks().isEmpty() ? null : TaskRun.PROTOCOL,
                    measured.speed(),
                    ProcessMemory.peakBytes(),
                    ProcessMemory.peakHeapBytes());
        }

        /// The same for people.
        String text() {
            var table = Table.of("measure", "of", "value")
                    .row("parameters", "stored numbers", Figures.count(parameters))
                    .row("size", "weight files", Figures.bytes(bytes));
            for (var figure : perplexity) {
                table.row(
                        "perplexity",
                        figure.text() + ", " + figure.windows() + " windows of " + figure.window(),
                        Figures.perplexity(figure.value()));
            }
            if (representation != null) {
                for (var figure : representation) {
                    table.row("matrix entropy", figure.text(), Figures.decimal(figure.matrixEntropy(), 4))
                            .row("nuclear norm", figure.text(), Figures.decimal(figure.matrixNuclearNorm(), 4));
                }
            }
            if (tasks != null) {
                tasks.forEach(figure -> table.row(figure.metric(), figure.of(), figure.text()));
            }
            if (speed != null) {
                table.row(
                                "prefill",
                                speed.promptTokens() + " tokens",
                                Figures.decimal(speed.prefill(), 0) + " tokens/s")
                        .row(
                                "decode",
                                speed.decodeTokens() + " tokens",
                                Figures.decimal(speed.decode(), 1) + " tokens/s")
                        .row(
                                "first token",
                                "after " + speed.promptTokens() + " tokens",
                                Figures.milliseconds(speed.firstToken()));
            }
            table.row("peak memory", "process", Figures.bytes(peakMemoryBytes))
                    .row("peak memory", "of that Java", Figures.bytes(peakHeapBytes));
            return model + "\n\n" + table.render();
        }
    }
}
