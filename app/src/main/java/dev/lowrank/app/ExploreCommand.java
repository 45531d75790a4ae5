package dev.lowrank.app;

import dev.lowrank.app.RecipeDetails.Ranks;
import dev.lowrank.compress.Candidates;
import dev.lowrank.compress.Compression.Job;
import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.Fingerprint;
import dev.lowrank.compress.RecipeArguments;
import dev.lowrank.compress.TargetStorage;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.GivenRanks;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.Methods;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.evaluate.EnergyMeter;
import dev.lowrank.explore.EvaluationCache;
import dev.lowrank.explore.ModelEvaluator;
import dev.lowrank.explore.PerplexityMeter;
import dev.lowrank.explore.QualityMeter;
import dev.lowrank.explore.SpeedPlan;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.tensor.Compute;
import dev.lowrank.text.CalibrationSet;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// Explores the design space of a model.
@Command(
        name = "explore",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Count a model's design space (layers × tensors × rank), vary one thing after the other, or search"
                        + " a rank for every site: the front of quality and size to choose from. With -o a run that was"
                        + " stopped continues when the same command is given again; nothing is measured twice.")
final class ExploreCommand implements Callable<Integer> {
    private static final int ROUNDS = 3;

    /// Ids of the methods that decompose every linear by itself, for completion and help.
    static final class MethodIds implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return methods().iterator();
        }
    }

    private final Console console;
    private final ModelArgument models;
    private final Interruption interruption;

    @Spec
    private CommandSpec spec;

    @Parameters(arity = "0..1", paramLabel = "MODEL", description = "Folder, .gguf file or org/name; the pocket model.")
    private @Nullable String model;

    @Mixin
    private ExploreOptions options;

    @Option(
            names = "--method",
            defaultValue = "kfac-svd",
            completionCandidates = MethodIds.class,
            description = "${COMPLETION-CANDIDATES} (${DEFAULT-VALUE}).")
    private String method;

    @Option(
            names = "--storage",
            completionCandidates = RecipeOptions.StorageIds.class,
            description = "${COMPLETION-CANDIDATES} (${DEFAULT-VALUE}).")
    private String storage = StoragePolicy.AUTO.id();

    @Option(
            names = "--text",
            paramLabel = "FILE",
            description = "Text or JSONL file whose perplexity decides; may be given several times.")
    private List<String> texts = new ArrayList<>();

    @Option(
            names = "--max-windows",
            defaultValue = "8",
            paramLabel = "N",
            description = "Only the first N windows of each --text; 0 for all (${DEFAULT-VALUE}).")
    private int maxWindows;

    @Option(
            names = "--check-text",
            paramLabel = "FILE",
            description = "Text that decides nothing: the front is measured on it too.")
    private List<String> checkTexts = new ArrayList<>();

    @Option(
            names = "--check-windows",
            defaultValue = "24",
            paramLabel = "N",
            description = "Only the first N windows of each --check-text; 0 for all (${DEFAULT-VALUE}).")
    private int checkWindows;

    @Option(names = "--text-window", paramLabel = "N", description = "Tokens in a window of a text; as --window.")
    private @Nullable Integer textWindow;

    @Mixin
    private TaskChoice tasks;

    @Mixin
    private CalibrationOptions calibration;

    @Option(
            names = "--front",
            paramLabel = "N",
            defaultValue = "16",
            description = "Members of the front that are measured as they would be written, spread over it"
                    + " (${DEFAULT-VALUE}).")
    private int members;

    @Option(names = "--measure-speed", description = "Measure the speed of everything swept, not of the front alone.")
    private boolean timedAll;

    @Mixin
    private SpeedOptions speed;

    @Mixin
    private RecipeDetails details;

    @Option(
            names = {"-o", "--output", "--out"},
            paramLabel = "FOLDER",
            description =
                    "Folder for results.jsonl, explore.json, configurations.csv, report.html and the ranks of the front.")
    private @Nullable Path output;

    ExploreCommand(Console console, ModelArgument models, Interruption interruption) {
        this.console = console;
        this.models = models;
        this.interruption = interruption;
    }

    private static List<String> methods() {
        return Methods.sites().stream().map(each -> each.info().id()).toList();
    }

    @Override
    public Integer call() {
        var start = System.nanoTime();
        options.check();
        UsageErrors.known(method, "methods of single linears", methods());
        var recipe = recipe();
        requireOptions(recipe);
        try (var opened = LanguageModel.open(models.resolve(model));
                var temporary = output == null ? WorkFolder.forOutput(null) : null) {
            var files = ExploreFiles.open(temporary == null ? requireOutput() : temporary.path());
            var set = options.isEmpty() ? null : calibration.read(opened, details.seed());
            try (var progress = console.progress();
                    var candidates = candidates(opened, recipe, set, files, progress)) {
                if (options.isEmpty()) {
                    return counted(opened, candidates);
                }
                return explored(opened, recipe, set, candidates, files, progress, start);
            }
        } finally {
            interruption.done();
        }
    }

    private Path requireOutput() {
        if (output == null) {
            throw new IllegalStateException("asked for without --output");
        }
        return output;
    }

    /// What the sites are decomposed by, and what is measured of them.
    private CompressionRecipe recipe() {
        var estimates = options.searches() && calibration.present();
        var allocator = Allocators.of(estimates ? "knapsack" : "energy", AllocatorOptions.DEFAULT);
        return details.recipe(method, storage, () -> new Ranks(allocator, new Budget.Unbounded(CostUnit.BYTES)));
    }

    private void requireOptions(CompressionRecipe recipe) {
        if (options.isEmpty()) {
            return;
        }
        if (texts.isEmpty()) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "A sweep or a search measures perplexity, but no text was given.",
                    "Give one with --text FILE, which is neither calibration text nor one you will evaluate on.");
        }
        if (calibration.validates()) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "--validation would change nothing: explore chooses by --text.",
                    "Leave it out; --check-text is for a text that chooses nothing.");
        }
        if (!calibration.present() && recipe.method().info().needsCalibration()) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "The method " + recipe.name() + " needs a calibration text.",
                    "Give one with --calibration FILE, of the kind of text that the model is for; --method tucker and"
                            + " svd need none.");
        }
        if (members < 1) {
            throw new CommandException(ExitCode.USAGE, "--front must be at least 1, not " + members + ".", "");
        }
        // What decides ranks elsewhere decides nothing here.
        RecipeDetails.refuseIgnored(
                spec.commandLine().getParseResult(),
                List.of(ExploreFiles.with(recipe, new GivenRanks(Map.of(), "the search"))));
    }

    private Candidates candidates(
            LanguageModel opened,
            CompressionRecipe recipe,
            @Nullable CalibrationSet set,
            ExploreFiles files,
            Progress progress) {
        var used = recipe.needsCalibration() ? set : null;
        var name = recipe.method().info().id() + "-"
                // The options, not the recipe's own text: its sets come in another order in each process.
                + Integer.toHexString((RecipeArguments.of(recipe)
                                + String.valueOf(used == null ? null : used.identity())
                                + Compute.threads())
                        .hashCode());
        var counted = options.isEmpty() ? counting(recipe) : recipe;
        return UsageErrors.check(() -> Candidates.open(opened, new Job(counted, files.work(name)), used, progress));
    }

    /// The same sites without anything to calibrate.
    private static CompressionRecipe counting(CompressionRecipe recipe) {
        var svd = CompressionRecipe.named("svd", MethodOptions.DEFAULT, recipe.budget(), 0);
        var policy = recipe.storage().policy();
        return new CompressionRecipe(
                svd.name(),
                svd.method(),
                TargetStorage.plain(policy == StoragePolicy.TUCKER ? StoragePolicy.AUTO : policy),
                recipe.allocator(),
                recipe.budget(),
                recipe.rankMultiple(),
                recipe.targets(),
                recipe.protectedLayers(),
                null,
                recipe.dtype(),
                recipe.seed());
    }

    private int counted(LanguageModel opened, Candidates candidates) {
        var space = Exploration.space(candidates);
        candidates.discard();
        console.result(
                Map.of("model", opened.checkpoint().path().toString(), "space", ExploreDocument.Space.of(space)),
                () -> ExploreReport.space(space));
        return ExitCode.OK.number();
    }

    private int explored(
            LanguageModel opened,
            CompressionRecipe recipe,
            @Nullable CalibrationSet set,
            Candidates candidates,
            ExploreFiles files,
            Progress progress,
            long start) {
        var asked = tasks.prepared();
        try (var tokenizer = opened.tokenizer()) {
            var meters = asked.stream()
                    .map(task -> new TaskMeter(task, opened.spec(), tokenizer))
                    .toList();
            return explored(opened, recipe, set, candidates, files, meters, progress, start);
        }
    }

    private int explored(
            LanguageModel opened,
            CompressionRecipe recipe,
            @Nullable CalibrationSet set,
            Candidates candidates,
            ExploreFiles files,
            List<TaskMeter> tasks,
            Progress progress,
            long start) {
        var read = read(opened, texts, maxWindows);
        var checks = read(opened, checkTexts, checkWindows);
        var roles = TextRoles.of(set, null);
        read.forEach(text -> roles.take("--text", text.set().identity()));
        checks.forEach(text -> roles.take("--check-text", text.set().identity()));
        var plan = speed.plan();
        var order = new Exploration.Order(
                options,
                Stream.concat(meters("perplexity", read).stream(), tasks.stream())
                        .toList(),
                meters("check", checks),
                plan.promptTokens() > 0,
                timedAll,
                recipe.allocator().info().id().equals("knapsack"),
                members,
                details.seed());
        if (output != null) {
            interruption.resumable("Give the same command again and it continues; nothing is measured twice.");
        }
        try (var cache = EvaluationCache.open(files.results());
                var evaluator = new ModelEvaluator(
                        opened,
                        candidates,
                        order.meters(),
                        cache,
                        setup(opened, recipe, set, read, plan),
                        Progress.silent())) {
            if (cache.torn()) {
                console.warn("The last line of " + files.results()
                        + " was torn by an earlier run; it is dropped and measured again.");
            }
            var found = Exploration.run(order, candidates, evaluator, progress);
            var commands = found.searched() == null || output == null
                    ? List.<String>of()
                    : files.commands(
                            found.searched(),
                            recipe,
                            model == null ? List.of() : List.of(model),
                            calibration.arguments());
            var document = ExploreDocument.of(
                    found,
                    new ExploreDocument.Context(
                            opened.checkpoint().path().toString(),
                            words(recipe, read, checks),
                            commands,
                            missing(plan),
                            CommandWords.given(spec)));
            if (output != null) {
                files.write(found, document, ExplorePage.of(document, order.figures()));
            }
            candidates.discard();
            var seconds = (System.nanoTime() - start) / 1e9;
            console.result(
                    document,
                    () -> ExploreReport.text(found) + closing(evaluator.evaluated(), cache.size(), commands, seconds));
            return verdict(found).number();
        }
    }

    private List<EvaluationTexts.Text> read(LanguageModel opened, List<String> names, int windows) {
        var window = textWindow == null ? calibration.window() : textWindow;
        return names.stream()
                .map(name -> EvaluationTexts.Text.read(opened, name, Path.of(name), window, windows))
                .toList();
    }

    /// The first text's figure has the plain name, the others' say which text.
    private static List<QualityMeter> meters(String name, List<EvaluationTexts.Text> read) {
        var meters = new ArrayList<QualityMeter>();
        for (var text : read) {
            var figure = meters.isEmpty() ? name : name + " " + text.name();
            meters.add(new PerplexityMeter(figure, text.set()));
        }
        return meters;
    }

    private ModelEvaluator.Setup setup(
            LanguageModel opened,
            CompressionRecipe recipe,
            @Nullable CalibrationSet set,
            List<EvaluationTexts.Text> read,
            Measurement.SpeedPlan plan) {
        var used = recipe.method().info().needsCalibration() && set != null ? set.identity() : null;
        var identity = String.join(
                "\n",
                Fingerprint.FORMAT,
                Fingerprint.source(opened.checkpoint().path()).toString(),
                recipe.method().toString(),
                recipe.storage().policy().id(),
                String.valueOf(recipe.rankMultiple()),
                String.valueOf(recipe.dtype()),
                String.valueOf(recipe.seed()),
                String.valueOf(used));
        var none = plan.promptTokens() == 0;
        var prompt = read.getFirst().set().windows().stream()
                .flatMapToInt(Arrays::stream)
                .limit(none ? 1 : plan.promptTokens())
                .toArray();
        return new ModelEvaluator.Setup(
                identity, Residency.of(opened), new SpeedPlan(prompt, none ? 1 : plan.decodeTokens(), ROUNDS));
    }

    private Map<String, Object> words(
            CompressionRecipe recipe, List<EvaluationTexts.Text> read, List<EvaluationTexts.Text> checks) {
        var words = new LinkedHashMap<String, Object>();
        words.put("method", recipe.name());
        words.put("storage", recipe.storage().policy().id());
        words.put("text", protocol(read));
        words.put("check_text", protocol(checks));
        words.put("calibration", calibration.arguments());
        words.put("seed", recipe.seed());
        return words;
    }

    private static List<Map<String, Object>> protocol(List<EvaluationTexts.Text> read) {
        return read.stream()
                .map(text -> {
                    var words = new LinkedHashMap<String, Object>();
                    words.put("text", text.name());
                    words.put("window", text.set().identity().window());
                    words.put("windows", text.set().size());
                    return (Map<String, Object>) words;
                })
                .toList();
    }

    private static List<String> missing(Measurement.SpeedPlan plan) {
        return plan.promptTokens() == 0 || EnergyMeter.ofMachine().present()
                ? List.of()
                : List.of(
                        "energy: this machine shows no RAPL counter under /sys/class/powercap that this user may read");
    }

    private String closing(int evaluated, int known, List<String> commands, double seconds) {
        return "\nMeasured " + evaluated + ", " + (known - evaluated) + " were known before; took "
                + Figures.seconds(seconds) + ".\n"
                + (commands.isEmpty() ? "" : "Member 0 of the front is made by\n  " + commands.getFirst() + "\n")
                + (output == null ? "" : output + " holds explore.json, configurations.csv and the rest.\n");
    }

    /// Whether anything meets the constraints.
    private ExitCode verdict(Exploration found) {
        var searched = found.searched();
        if (searched == null || !searched.front().members().isEmpty()) {
            return ExitCode.OK;
        }
        var nearest = searched.nearest(found.dense()).measures();
        var words = new ArrayList<String>();
        searched.constraints()
                .forEach(constraint -> words.add(constraint.measure() + " "
                        + Figures.decimal(nearest.require(constraint.measure()), 3) + " for " + constraint.text()));
        console.warn("None of " + searched.all().size() + " configurations meets the constraints; the nearest has "
                + String.join(", ", words) + ".");
        return ExitCode.QUALITY;
    }
}
