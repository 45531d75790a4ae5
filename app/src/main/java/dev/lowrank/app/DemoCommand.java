package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.app.RecipeDetails.Ranks;
import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.Methods;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.Generator;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.SamplingOptions;
import dev.lowrank.text.CalibrationSet;
import dev.lowrank.text.Corpus;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// Shows in a minute what Lowrank does, on the model that comes with it.
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        description = "Compress the pocket model by four methods at one budget, show what each costs and buys, keep the"
                + " best and let it write beside the original.")
final class DemoCommand implements Callable<Integer> {
    private static final List<String> METHODS = List.of("svd", "asvd", "svd-llm", "lord");
    private static final List<String> STORAGES = List.of("factored", "pivoted");
    private static final List<String> PROMPTS = List.of(
            "import os\n\ndef list_files(path):",
            "class Stack:\n    def __init__(self):\n        self.items = []\n\n    def push(self, item):",
            "def test_addition():\n    assert");

    /// How much the demo does.
    ///
    /// @param window tokens in a window
    /// @param calibrationWindows windows the methods are calibrated on
    /// @param evaluationWindows windows of each text
    /// @param speed how speed is measured
    /// @param newTokens tokens that follow a prompt
    record Scale(
            int window, int calibrationWindows, int evaluationWindows, Measurement.SpeedPlan speed, int newTokens) {
        /// About half a minute on two cores, nine models measured.
        static final Scale FULL = new Scale(512, 32, 8, new Measurement.SpeedPlan(128, 64), 48);
    }

    private final Console console;
    private final ModelArgument models;
    private final Scale scale;

    @Option(
            names = "--keep",
            defaultValue = "0.4",
            paramLabel = "SHARE",
            description = "Share of the linears' parameters that stays, in (0, 1] (${DEFAULT-VALUE}).")
    private double keep;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FOLDER",
            description = "Folder to make of the best; lowrank-demo, or the first of lowrank-demo-2, … that is free.")
    private @Nullable Path output;

    DemoCommand(Console console, ModelArgument models, Scale scale) {
        this.console = console;
        this.models = models;
        this.scale = scale;
    }

    @Override
    public Integer call() {
        var start = System.nanoTime();
        var candidates = candidates();
        var target = output == null ? free(Path.of("lowrank-demo")) : output;
        var pocket = models.resolve(null);
        console.note("Compressing the pocket model by " + candidates.size() + " recipes. It writes Python, "
                + "and not well: what counts is what compression changes.");
        try (var dense = LanguageModel.open(pocket);
                var work = WorkFolder.forOutput(target)) {
            var found = compare(dense, pocket.resolve("text"), candidates, work.path());
            work.keep(found.folders().get(found.best()), target);
            var texts = continuations(dense, target);
            var seconds = (System.nanoTime() - start) / 1e9;
            var document = Document.of(pocket, found, target, texts, seconds);
            console.result(document, () -> text(found, document));
        }
        return ExitCode.OK.number();
    }

    private List<Comparison.Candidate> candidates() {
        var all = new ArrayList<Comparison.Candidate>();
        var uniform = Allocators.of("uniform", AllocatorOptions.DEFAULT);
        var budget = UsageErrors.check(() -> Ranks.share(uniform, CostUnit.PARAMETERS, keep));
        for (var method : METHODS) {
            for (var storage : STORAGES) {
                var recipe = CompressionRecipe.of(
                        Methods.of(method, MethodOptions.DEFAULT),
                        StoragePolicy.of(storage),
                        budget.allocator(),
                        budget.budget(),
                        0);
                all.add(new Comparison.Candidate(keep, recipe));
            }
        }
        return all;
    }

    private static Path free(Path name) {
        return IntStream.iterate(1, i -> i + 1)
                .mapToObj(i -> i == 1 ? name : name.resolveSibling(name + "-" + i))
                .filter(path -> !Files.exists(path))
                .findFirst()
                .orElseThrow();
    }

    private Comparison compare(LanguageModel dense, Path texts, List<Comparison.Candidate> candidates, Path work) {
        var measured = List.of(
                text(dense, texts.resolve("python-evaluation.jsonl")),
                text(dense, texts.resolve("wikitext-evaluation.txt")));
        var yardstick = new Yardstick(measured, TaskPlan.NONE, scale.speed());
        try (var progress = console.progress()) {
            var calibration = calibration(dense, texts.resolve("python-calibration.jsonl"));
            return Comparison.run(dense, candidates, calibration, null, yardstick, work, progress);
        }
    }

    private EvaluationTexts.Text text(LanguageModel model, Path file) {
        return EvaluationTexts.Text.read(model, file.toString(), file, scale.window(), scale.evaluationWindows());
    }

    private CalibrationSet calibration(LanguageModel model, Path file) {
        try (var tokenizer = model.tokenizer()) {
            return CalibrationSet.sample(
                    tokenizer, List.of(Corpus.read(file)), scale.calibrationWindows(), scale.window(), 0);
        }
    }

    private List<Continuation> continuations(LanguageModel dense, Path folder) {
        try (var compressed = LanguageModel.open(folder)) {
            var before = continued(dense);
            var after = continued(compressed);
            return IntStream.range(0, PROMPTS.size())
                    .mapToObj(i -> new Continuation(PROMPTS.get(i), before.get(i), after.get(i)))
                    .toList();
        }
    }

    private List<String> continued(LanguageModel model) {
        try (var tokenizer = model.tokenizer();
                var row = RowDecoder.of(model);
                var reader = new PromptReader(model, row)) {
            var generator = Generator.of(row, reader, tokenizer);
            return PROMPTS.stream()
                    .map(prompt -> new Generator.Request(
                            tokenizer.encodeWithSpecials(prompt), scale.newTokens(), SamplingOptions.greedy()))
                    .map(request -> generator.generate(request).text())
                    .toList();
        }
    }

    private static String text(Comparison found, Document document) {
        var winner = found.winner();
        var text = new StringBuilder(ComparisonReport.table(found))
                .append('\n')
                .append(ComparisonReport.legend(found, CostUnit.PARAMETERS))
                .append("\nThe best, ")
                .append(winner.method())
                .append(" stored ")
                .append(winner.storage())
                .append(", and the original continue the same prompts, most likely token by token:\n");
        for (var continuation : document.continuations()) {
            text.append("\n--- prompt\n")
                    .append(continuation.prompt())
                    .append("\n--- original goes on\n")
                    .append(shown(continuation.dense()))
                    .append("\n--- compressed goes on\n")
                    .append(shown(continuation.compressed()))
                    .append('\n');
        }
        return text.append("\nThe compressed model lies in ")
                .append(document.output())
                .append(" (")
                .append(Figures.seconds(document.seconds()))
                .append(" in all). Try next:\n\n  ./lowrank inspect ")
                .append(document.output())
                .append("\n  ./lowrank generate ")
                .append(document.output())
                .append(" --prompt \"def read_config(path):\"\n  ./lowrank plan MODEL --keep 0.8\n")
                .append("  ./lowrank compress MODEL --keep 0.8 --calibration TEXT -o out\n")
                .toString();
    }

    /// Without empty lines around it; its indentation stays.
    private static String shown(String text) {
        return text.isBlank()
                ? "(nothing but white space)"
                : text.replaceFirst("^\\R+", "").stripTrailing();
    }

    /// What two models made of a prompt.
    ///
    /// @param prompt the prompt
    /// @param dense what the original wrote
    /// @param compressed what the best compressed model wrote
    record Continuation(
            @JsonProperty("prompt") String prompt,
            @JsonProperty("dense") String dense,
            @JsonProperty("compressed") String compressed) {}

    /// What `demo --json` prints.
    ///
    /// @param model path of the original
    /// @param rows the original first
    /// @param best index of the best row
    /// @param rule how the best is found
    /// @param output where the best lies
    /// @param continuations what both wrote
    /// @param seconds of the whole command
    record Document(
            @JsonProperty("model") String model,
            @JsonProperty("rows") List<Comparison.Row> rows,
            @JsonProperty("best") int best,
            @JsonProperty("rule") String rule,
            @JsonProperty("output") String output,
            @JsonProperty("continuations") List<Continuation> continuations,
            @JsonProperty("seconds") double seconds) {
        static Document of(
                Path model, Comparison found, Path output, List<Continuation> continuations, double seconds) {
            return new Document(
                    model.toString(),
                    found.all(),
                    found.best() + 1,
                    Comparison.RULE,
                    output.toString(),
                    continuations,
                    seconds);
        }
    }
}
