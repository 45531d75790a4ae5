package dev.lowrank.recover;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.OutputFolder;
import dev.lowrank.compress.Fingerprint;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.tensor.Compute;
import dev.lowrank.text.TrainingSet;
import dev.lowrank.text.ValidationSet;
import java.nio.file.Path;
import java.util.ArrayList;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// Trains a compressed model: text and the dense teacher's predictions go in, a folder of the same storage
/// forms, ranks and bytes comes out.
///
/// A run that is killed leaves `OUTPUT.partial`; the same call again continues from the last saved state.
public final class Recovery {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private Recovery() {}

    /// What to do with the unfinished work of an earlier run.
    public enum Unfinished {
        /// Continue it; refuse if it was asked something else.
        RESUME,
        /// Throw it away.
        DISCARD
    }

    /// What a training works on.
    ///
    /// @param model a folder that Lowrank wrote
    /// @param teacher the dense model; null to train on the text alone
    /// @param training text to train on
    /// @param validation text that decides which state is kept; null for the last
    public record Material(
            LanguageModel model,
            @Nullable LanguageModel teacher,
            TrainingSet training,
            @Nullable ValidationSet validation) {}

    /// Refuses what [#run] would refuse before it writes anything, the output's place apart.
    ///
    /// @throws IllegalArgumentException if the recipe does not fit the material
    /// @throws CheckpointException if the model has nothing to train or the teacher does not fit
    /// @throws NotEnoughMemoryException if the recipe's memory does not suffice
    public static void check(Material material, RecoveryRecipe recipe) {
        RecoveryPlan.of(material, recipe);
    }

    /// Trains.
    ///
    /// @param output folder to make
    /// @throws IllegalArgumentException if the recipe does not fit the material
    /// @throws CheckpointException if the model has nothing to train, the teacher does not fit, the output
    ///     cannot be made or an unfinished run differs
    /// @throws NotEnoughMemoryException if the recipe's memory does not suffice
    /// @throws dev.lowrank.tensor.NumericalException naming step and tensor at which the numbers went wrong
    public static RecoveryReport run(
            Material material, RecoveryRecipe recipe, Path output, Unfinished unfinished, RecoveryProgress progress) {
        return run(material, recipe, output, unfinished, progress, null);
    }

    /// Trains, and writes a page beside the model.
    ///
    /// @param page makes it; null for none
    public static RecoveryReport run(
            Material material,
            RecoveryRecipe recipe,
            Path output,
            Unfinished unfinished,
            RecoveryProgress progress,
            @Nullable RecoveryPage page) {
        var plan = RecoveryPlan.of(material, recipe);
        var model = material.model();
        var teacher = material.teacher();
        var inputs = new ArrayList<Path>();
        inputs.add(model.checkpoint().path());
        if (teacher != null) {
            inputs.add(teacher.checkpoint().path());
        }
        try (var folder = OutputFolder.begin(output, inputs)) {
            var fingerprint = fingerprint(material, recipe, plan);
            var fresh = !folder.resumed() || unfinished == Unfinished.DISCARD;
            open(folder, fresh, fresh ? plan.diskBytes(material, recipe) : 0, fingerprint);
            return new RecoveryRun(material, recipe, plan, folder, output, fingerprint, progress, page).run();
        }
    }

    private static ObjectNode fingerprint(Material material, RecoveryRecipe recipe, RecoveryPlan plan) {
        var root = JSON.createObjectNode();
        root.put("format", Fingerprint.FORMAT);
        root.put("command", "recover");
        root.put("threads", Compute.threads());
        root.set("model", Fingerprint.source(material.model().checkpoint().path()));
        var teacher = material.teacher();
        if (teacher != null) {
            root.set("teacher", Fingerprint.source(teacher.checkpoint().path()));
            root.put("teacher_name", String.valueOf(teacher.checkpoint().path().getFileName()));
        }
        root.put("stages", recipe.stages().toString());
        root.put("trained", recipe.trained().id());
        root.put("extent", recipe.extent().toString());
        root.put("optimisation", recipe.optimisation().toString());
        root.put("loss", recipe.loss().toString());
        root.put("blocks", recipe.blocks().toString());
        root.put("rounds", recipe.validation().toString());
        root.put("products", plan.products().name());
        root.put("teacher_residency", plan.memory().teacher().name());
        root.put("segment", plan.memory().segment());
        root.put("seed", recipe.seed());
        root.set("training", JSON.valueToTree(material.training().identity()));
        var validation = material.validation();
        if (validation != null) {
            root.set("validation", JSON.valueToTree(validation.identity()));
        }
        // Read back from text, so that a number compares equal to the same number in a file.
        return (ObjectNode) JSON.readTree(JSON.writeValueAsString(root));
    }

    /// Starts or resumes the run of a folder.
    ///
    /// @param fresh whether unfinished work is thrown away
    /// @param bytes that must be free
    private static void open(OutputFolder folder, boolean fresh, long bytes, ObjectNode fingerprint) {
        try {
            if (fresh) {
                folder.clear();
            }
            folder.requireSpace(bytes);
            Fingerprint.claim(folder, fingerprint);
        } catch (RuntimeException | Error failure) {
            if (!folder.resumed()) {
                folder.discard(); // nothing was begun, so nothing is left behind
            }
            throw failure;
        }
    }
}
