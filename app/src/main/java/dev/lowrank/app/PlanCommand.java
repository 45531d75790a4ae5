package dev.lowrank.app;

import dev.lowrank.compress.CompressionPlan;
import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.LanguageModel;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// Says what a compression would do, from headers alone.
@Command(
        name = "plan",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Show ranks, parameters, bytes, memory, disk and time of a compression without running it.")
final class PlanCommand implements Callable<Integer> {
    private final Console console;
    private final ModelArgument models;

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

    PlanCommand(Console console, ModelArgument models) {
        this.console = console;
        this.models = models;
    }

    @Override
    public Integer call() {
        var asked = recipe.recipe(method, storage);
        RecipeDetails.refuseIgnored(spec.commandLine().getParseResult(), List.of(asked));
        try (var opened = LanguageModel.open(models.resolve(model))) {
            var fitted = recipe.fitted(opened, asked);
            var plan = UsageErrors.check(
                    () -> CompressionPlan.of(opened, fitted, calibration.samples(), calibration.window()));
            var document = PlanDocument.of(opened, plan);
            console.result(document, document::text);
        }
        return ExitCode.OK.number();
    }
}
