package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.app.RecipeDetails.Ranks;
import dev.lowrank.compress.CompressionPlan;
import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.text.CalibrationSet;
import dev.lowrank.text.ValidationSet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// Compares recipes on one model.
@Command(
        name = "compare",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Compress a model by every combination of methods, storages and shares in one calibration pass,"
                + " and measure each beside the original. The compressed models are deleted; -o keeps the best.")
final class CompareCommand implements Callable<Integer> {
    private final Console console;
    private final ModelArgument models;

    @Spec
    private CommandSpec spec;

    @Parameters(
            arity = "0..*",
            paramLabel = "MODEL",
            description = "One: compress it and compare the results; the pocket model if none. Several: measure them"
                    + " as they are, each beside the first.")
    private List<String> names = new ArrayList<>();

    @Option(
            names = "--methods",
            split = ",",
            paramLabel = "METHOD",
            defaultValue = CompressionRecipe.OWN + ",svd,asvd,svd-llm,lord",
            completionCandidates = RecipeOptions.MethodIds.class,
            description = "Of ${COMPLETION-CANDIDATES} (${DEFAULT-VALUE}).")
    private List<String> methods = new ArrayList<>();

    @Option(
            names = "--storage",
            split = ",",
            defaultValue = "auto",
            completionCandidates = RecipeOptions.StorageIds.class,
            description = "Of ${COMPLETION-CANDIDATES} (${DEFAULT-VALUE}); factored is what papers publish.")
    private List<String> storages = new ArrayList<>();

    @Option(
            names = "--allocate",
            split = ",",
            paramLabel = "ALLOCATOR",
            completionCandidates = RecipeOptions.AllocatorIds.class,
            description =
                    "Of ${COMPLETION-CANDIDATES}, each also with +fermi; each method's own if not given, and always for"
                            + " modegpt, basis-sharing, shortgpt, sleb and slicegpt.")
    private List<String> allocators = new ArrayList<>();

    @Option(
            names = "--keep",
            split = ",",
            paramLabel = "SHARE",
            defaultValue = "0.8",
            description = "Shares of the target linears' cost that stay, each in (0, 1] (${DEFAULT-VALUE}).")
    private List<Double> shares = new ArrayList<>();

    @Option(
            names = "--count",
            paramLabel = "UNIT",
            description = "What --keep counts: parameters, bytes or decode-bytes (${DEFAULT-VALUE}).")
    private String count = CostUnit.PARAMETERS.id();

    @Option(
            names = "--budget-bytes",
            paramLabel = "SIZE",
            description =
                    "Bytes of the weight files, e.g. 90MB, instead of --keep: puts the whole model in q8_0, q6_k, q4_k"
                            + " and q4_0 beside cuts, plain and in these types, that are given this many bytes; with"
                            + " --bits also beside cuts whose types are chosen site by site. Says what fits, and what"
                            + " no other beats in bytes, perplexity and decode speed.")
    private @Nullable String budgetBytes;

    @Mixin
    private CalibrationOptions calibration;

    @Mixin
    private EvaluationTexts texts;

    @Option(names = "--text-window", paramLabel = "N", description = "Tokens in a window of --text; as --window.")
    private @Nullable Integer textWindow;

    @Mixin
    private TaskOptions tasks;

    @Mixin
    private SpeedOptions speed;

    @Mixin
    private RecipeDetails details;

    @Option(names = "--csv", paramLabel = "FILE", description = "Also write the table as comma-separated values.")
    private @Nullable Path csv;

    @Option(
            names = "--report",
            paramLabel = "FILE",
            description = "Also write the comparison as a page that a browser opens.")
    private @Nullable Path report;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FOLDER",
            description = "Folder to make of the best: " + Comparison.RULE + ".")
    private @Nullable Path output;

    CompareCommand(Console console, ModelArgument models) {
        this.console = console;
        this.models = models;
    }

    @Override
    public Integer call() {
        texts.require();
        if (names.size() > 1) {
            return measureEach();
        }
        var start = System.nanoTime();
        var plan = speed.plan();
        var asked = tasks.plan();
        var bytes = budget();
        var given = candidates();
        RecipeDetails.refuseIgnored(
                spec.commandLine().getParseResult(),
                given.stream().map(Comparison.Candidate::recipe).toList());
        var path = models.resolve(names.isEmpty() ? null : names.getFirst());
        try (var opened = LanguageModel.open(path);
                var work = WorkFolder.forOutput(output)) {
            var candidates = bytes == null ? given : spending(opened, bytes, given);
            check(opened.requireDecoder(), candidates);
            var set = calibration.read(opened, details.seed());
            var validation = calibration.readValidation(opened);
            candidates.forEach(candidate -> {
                CompressCommand.requireCalibration(candidate.recipe(), set);
                CompressCommand.requireValidation(candidate.recipe(), validation);
            });
            var measured = texts.read(opened, window());
            var roles = TextRoles.of(set, validation);
            measured.forEach(text -> roles.take("--text", text.set().identity()));
            var yardstick = new Yardstick(measured, asked, plan);
            var all = compare(opened, candidates, set, validation, yardstick, work.path());
            var found = bytes == null ? all : all.within(bytes);
            var seconds = (System.nanoTime() - start) / 1e9;
            // First what cannot fail: hours of work must not be lost for a full disk.
            console.result(Document.of(path, found, unit(), output, seconds), () -> text(path, found, unit(), seconds));
            writeFiles(path, found);
            if (output != null) {
                work.keep(found.folders().get(found.best()), output);
            }
        }
        return ExitCode.OK.number();
    }

    private int window() {
        return textWindow == null ? calibration.window() : textWindow;
    }

    /// Measures models as they are.
    private int measureEach() {
        var start = System.nanoTime();
        if (output != null) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "--output keeps the best of what one model is compressed to, but " + names.size()
                            + " models were named.",
                    "Leave it out, or name one model.");
        }
        requireWritable("--csv", csv);
        requireWritable("--report", report);
        var plan = speed.plan();
        var asked = tasks.plan();
        var paths = names.stream().map(models::resolve).toList();
        var rows = new ArrayList<Comparison.Row>();
        try (var progress = console.progress()) {
            for (var path : paths) {
                try (var opened = LanguageModel.open(path)) {
                    var yardstick = new Yardstick(texts.read(opened, window()), asked, plan);
                    var measured = yardstick.measure(opened, path.toString(), progress);
                    var first = rows.isEmpty()
                            ? measured.parameters()
                            : rows.getFirst().parameters();
                    rows.add(Comparison.Row.existing(path.toString(), first, measured));
                }
            }
        }
        var others = rows.subList(1, rows.size());
        var found = Comparison.existing(rows.getFirst(), others, paths.subList(1, paths.size()));
        var seconds = (System.nanoTime() - start) / 1e9;
        console.result(
                Document.of(paths.getFirst(), found, null, null, seconds),
                () -> text(paths.getFirst(), found, null, seconds));
        writeFiles(paths.getFirst(), found);
        return ExitCode.OK.number();
    }

    private Comparison compare(
            LanguageModel opened,
            List<Comparison.Candidate> candidates,
            @Nullable CalibrationSet set,
            @Nullable ValidationSet validation,
            Yardstick yardstick,
            Path work) {
        try (var progress = console.progress()) {
            return Comparison.run(opened, candidates, set, validation, yardstick, work, progress);
        }
    }

    private List<Comparison.Candidate> candidates() {
        requireWritable("--csv", csv);
        requireWritable("--report", report);
        var all = new ArrayList<Comparison.Candidate>();
        for (var keep : new LinkedHashSet<>(shares)) {
            for (var method : new LinkedHashSet<>(methods)) {
                // The others leave no choice of storage.
                var alone = RecipeDetails.treatsLinearsAlone(method);
                for (var storage : alone ? new LinkedHashSet<>(storages) : Set.of(StoragePolicy.AUTO.id())) {
                    for (var allocator : allocators(method)) {
                        all.add(new Comparison.Candidate(keep, recipe(method, storage, allocator, keep)));
                    }
                }
            }
        }
        return all;
    }

    /// What a size in bytes is spent on.
    private List<Comparison.Candidate> spending(LanguageModel opened, long bytes, List<Comparison.Candidate> given) {
        var recipes = given.stream().map(Comparison.Candidate::recipe).toList();
        if (spec.commandLine().getParseResult().hasMatchedOption("--keep")
                || recipes.stream().anyMatch(recipe -> recipe.storage().quantization() != null)
                || !methods.stream().allMatch(RecipeDetails::treatsLinearsAlone)) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "--budget-bytes says how many bytes cuts of single linears may take and tries the block types itself; it"
                            + " goes with neither --keep, --quantize nor methods that narrow or remove whole modules.",
                    "Give one of them.");
        }
        var front = ByteFront.of(opened, bytes, recipes);
        front.skipped().forEach(console::warn);
        return front.candidates();
    }

    private @Nullable Long budget() {
        var size = budgetBytes;
        return size == null ? null : Long.valueOf(UsageErrors.check(() -> ByteSize.parse("--budget-bytes", size)));
    }

    /// Refuses a file that could not be written in the end.
    static void requireWritable(String option, @Nullable Path file) {
        if (file == null) {
            return;
        }
        if (Files.isDirectory(file)) {
            throw new CommandException(ExitCode.USAGE, file + " is a folder.", "Name a file for " + option + ".");
        }
        var parent = file.toAbsolutePath().normalize().getParent();
        if (parent == null || !Files.isDirectory(parent) || !Files.isWritable(Files.exists(file) ? file : parent)) {
            throw new CommandException(
                    ExitCode.USAGE,
                    file + " cannot be written: its folder does not exist, or may not be written to.",
                    "Name a file in a folder that exists for " + option + ".");
        }
    }

    private CostUnit unit() {
        if (budgetBytes != null) {
            return CostUnit.BYTES;
        }
        return UsageErrors.check(() -> CostUnit.of(count));
    }

    private Set<String> allocators(String method) {
        return allocators.isEmpty() || !RecipeDetails.treatsLinearsAlone(method)
                ? Set.of(RecipeDetails.allocator(method))
                : new LinkedHashSet<>(allocators);
    }

    private CompressionRecipe recipe(String method, String storage, String allocator, double keep) {
        return details.recipe(method, storage, () -> Ranks.share(details.spender(allocator), unit(), keep));
    }

    private void check(LanguageModel opened, List<Comparison.Candidate> candidates) {
        for (var candidate : candidates) {
            UsageErrors.check(
                    () -> CompressionPlan.of(opened, candidate.recipe(), calibration.samples(), calibration.window()));
        }
    }

    private void writeFiles(Path model, Comparison found) {
        try {
            if (csv != null) {
                Files.writeString(csv, ComparisonReport.csv(found));
            }
            if (report != null) {
                Files.write(report, ComparePage.of(model, found, CommandWords.given(spec)));
            }
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private String text(Path path, Comparison found, @Nullable CostUnit unit, double seconds) {
        return path + "\n\n" + ComparisonReport.table(found) + "\n" + ComparisonReport.legend(found, unit)
                + "Took " + Figures.seconds(seconds) + " in all.\n"
                + (output == null ? "" : "The best lies in " + output + ".\n");
    }

    /// What `compare --json` prints.
    ///
    /// @param model path of the original
    /// @param rows the original first
    /// @param count what the shares count; absent where nothing was compressed
    /// @param best index of the best row
    /// @param rule how the best is found
    /// @param budgetBytes what rows were to fit into; absent where nothing was asked
    /// @param output where the best lies; absent if none was kept
    /// @param seconds of the whole command
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Document(
            @JsonProperty("model") String model,
            @JsonProperty("rows") List<Comparison.Row> rows,
            @JsonProperty("count") @Nullable String count,
            @JsonProperty("best") int best,
            @JsonProperty("rule") String rule,
            @JsonProperty("budget_bytes") @Nullable Long budgetBytes,
            @JsonProperty("output") @Nullable String output,
            @JsonProperty("seconds") double seconds) {
        static Document of(
                Path model, Comparison found, @Nullable CostUnit unit, @Nullable Path output, double seconds) {
            return new Document(
                    model.toString(),
                    found.all(),
                    unit == null ? null : unit.id(),
                    found.best() + 1,
                    found.rule(),
                    found.budget(),
                    output == null ? null : output.toString(),
                    seconds);
        }
    }
}
