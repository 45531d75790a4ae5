package dev.lowrank.compress;

import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.BudgetCurves;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.model.LanguageModel;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.MissingNode;
import tools.jackson.databind.node.ObjectNode;

/// The command that makes an output again. Texts and model stand in it without their folders, so that it
/// holds nothing that differs between two runs of the same recipe.
final class RepeatCommand {
    /// Stands for the share in [#respending].
    static final String KEEP = "{keep}";

    private RepeatCommand() {}

    /// The words of the command.
    ///
    /// @param fingerprint of the run
    static List<String> of(LanguageModel source, CompressionRecipe recipe, ObjectNode fingerprint) {
        var words = new ArrayList<>(List.of(
                "lowrank", "compress", String.valueOf(source.checkpoint().path().getFileName())));
        words.addAll(RecipeArguments.of(recipe));
        var calibration = fingerprint.path("calibration");
        var validation = recipe.usesValidation() ? fingerprint.path("validation") : MissingNode.getInstance();
        texts(words, "--calibration", calibration);
        texts(words, "--validation", validation);
        if (!calibration.isMissingNode()) {
            words.addAll(List.of("--samples", calibration.path("samples").asString()));
        }
        if (!validation.isMissingNode()) {
            words.addAll(
                    List.of("--validation-windows", validation.path("samples").asString()));
        }
        var window = calibration.isMissingNode() ? validation : calibration;
        if (!window.isMissingNode()) {
            words.addAll(List.of("--window", window.path("window").asString()));
        }
        words.addAll(List.of("-o", "OUT"));
        return List.copyOf(words);
    }

    /// The words of the command that spends the share [#KEEP] by the same curves.
    ///
    /// @return empty if there are none
    static List<String> respending(
            LanguageModel source, CompressionRecipe recipe, ObjectNode fingerprint, SiteFindings findings) {
        var curves = findings.curves();
        if (curves == null) {
            return List.of();
        }
        var share = new Budget.Share(curves.unit(), KeepRatio.keep(1));
        var spending = recipe.withAllocator(BudgetCurves.spender(recipe.allocator()), share);
        var words = new ArrayList<>(of(source, spending, fingerprint));
        words.set(words.indexOf("--keep") + 1, KEEP);
        return List.copyOf(words);
    }

    private static void texts(List<String> words, String option, JsonNode identity) {
        identity.path("files")
                .valueStream()
                .forEach(file -> words.addAll(List.of(option, file.path("name").asString())));
    }
}
