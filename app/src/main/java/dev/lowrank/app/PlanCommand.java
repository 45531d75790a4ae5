package dev.lowrank.app;

import dev.lowrank.compress.Compression;
import dev.lowrank.compress.Compression.Unfinished;
import dev.lowrank.compress.CompressionPlan;
import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.MeasuredPlan;
import dev.lowrank.compress.OutputPage;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.LanguageModel;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// Says what a compression would do: from headers alone, or by measuring what decides ranks.
@Command(
        name = "plan",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Show ranks, parameters, bytes, memory, disk and time of a compression without running it."
                + " --curves measures what decides the ranks and makes a page on which every budget can be tried.")
final class PlanCommand implements Callable<Integer> {
    private final Console console;
    private final ModelArgument models;
    private final Interruption interruption;

    @Spec
    private CommandSpec spec;

    @Parameters(arity = "0..1", paramLabel = "MODEL", description = "Folder, .gguf file or org/name; the pocket model.")
    private @Nullable String model;

    @Option(
            names = "--method",
            defaultValue = CompressionRecipe.OWN,
            completionCandidates = RecipeOptions.MethodIds.class,
            description = "${COMPLETION-CANDIDATES} (${DEFAULT-VALUE}).")
    private String method;

    @Option(
            names = "--storage",
            completionCandidates = RecipeOptions.StorageIds.class,
            description = "${COMPLETION-CANDIDATES} (${DEFAULT-VALUE}).")
    private String storage = StoragePolicy.AUTO.id();

    @Mixin
    private RecipeOptions recipe;

    @Mixin
    private CalibrationOptions calibration;

    @Option(
            names = "--curves",
            description =
                    "Run calibration, decompositions and curves, which decide the ranks, and write no model. A run"
                            + " that was stopped continues when the same command is given again.")
    private boolean curves;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FOLDER",
            description = "Folder to make of the page report.html and its manifest, with --curves.")
    private @Nullable Path output;

    @Option(
            names = "--check",
            paramLabel = "FILE",
            description =
                    "Text to measure the perplexity of the dense model on, which the page then predicts from; with"
                            + " --curves.")
    private @Nullable Path check;

    @Option(names = "--restart", description = "Throw away the unfinished work of an earlier run; with --curves.")
    private boolean restart;

    PlanCommand(Console console, ModelArgument models, Interruption interruption) {
        this.console = console;
        this.models = models;
        this.interruption = interruption;
    }

    @Override
    public Integer call() {
        var asked = recipe.recipe(method, storage);
        RecipeDetails.refuseIgnored(spec.commandLine().getParseResult(), List.of(asked));
        requireSense();
        try (var opened = LanguageModel.open(models.resolve(model))) {
            var fitted = recipe.fitted(opened, asked);
            var plan = UsageErrors.check(
                    () -> CompressionPlan.of(opened, fitted, calibration.samples(), calibration.window()));
            var document = output == null
                    ? PlanDocument.of(opened, plan)
                    : PlanDocument.of(opened, measured(opened, fitted, output), output);
            console.result(document, document::text);
        }
        return ExitCode.OK.number();
    }

    private void requireSense() {
        if (curves && output == null) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "--curves writes a page, but was given no place for it.",
                    "Give one with -o FOLDER.");
        }
        if (!curves && (output != null || check != null || restart)) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "--output, --check and --restart belong to --curves; without it nothing is measured or written.",
                    "Add --curves, or leave them out.");
        }
    }

    private MeasuredPlan measured(LanguageModel opened, CompressionRecipe asked, Path folder) {
        var set = calibration.read(opened, recipe.seed());
        CompressCommand.requireCalibration(asked, set);
        var validation = calibration.readValidation(opened);
        CompressCommand.requireValidation(asked, validation);
        var text = CompressCommand.checkText(opened, check, calibration.window(), TextRoles.of(set, validation));
        interruption.resumable("Give the same command again and it continues at the next block.");
        try (var progress = console.progress()) {
            var dense = text == null ? null : PerplexityCheck.perplexity(opened, text, progress);
            var page = new PlanPage(opened, dense);
            return UsageErrors.check(() -> Compression.measure(
                    opened,
                    new Compression.Job(asked, folder),
                    set,
                    validation,
                    restart ? Unfinished.DISCARD : Unfinished.RESUME,
                    progress,
                    measured -> Map.of(OutputPage.FILE_NAME, page.of(measured))));
        } finally {
            interruption.done();
        }
    }
}
