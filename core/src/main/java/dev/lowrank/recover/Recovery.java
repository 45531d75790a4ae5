package dev.lowrank.recover;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.checkpoint.Manifest;
import dev.lowrank.checkpoint.OutputFolder;
import dev.lowrank.compress.Fingerprint;
import dev.lowrank.compress.WorkFiles;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.MixedPrecision;
import dev.lowrank.model.SiteForms;
import dev.lowrank.recover.RecoveryRecipe.Precision;
import dev.lowrank.recover.RecoveryRecipe.Stage;
import dev.lowrank.recover.RecoveryRecipe.Trained;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.text.TrainingSet;
import dev.lowrank.text.ValidationSet;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// Trains a compressed model: text and the dense teacher's predictions go in, a folder of the same storage
/// forms, ranks and bytes comes out.
///
/// A run that is killed leaves `OUTPUT.partial`; the same call again continues from the last saved state.
public final class Recovery {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final String FINGERPRINT = "fingerprint.json";

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

    /// Trains.
    ///
    /// @param output folder to make
    /// @throws CheckpointException if the model has nothing to train, the teacher does not fit, the output
    ///     cannot
    ///     be made or an unfinished run differs
    /// @throws NotEnoughMemoryException if the recipe's memory does not suffice
    /// @throws dev.lowrank.tensor.NumericalException naming step and tensor at which the numbers went wrong
    public static RecoveryReport run(
            Material material, RecoveryRecipe recipe, Path output, Unfinished unfinished, RecoveryProgress progress) {
        var model = material.model();
        var teacher = material.teacher();
        requireContext(material);
        if (teacher != null) {
            requireTeacher(model, teacher, recipe);
        } else if (recipe.stages().contains(Stage.BLOCKS)) {
            throw new IllegalArgumentException(
                    "The stage blocks trains against the dense model; give one with --teacher");
        }
        var sites = sites(model, recipe.trained());
        var window = material.training().identity().window();
        var shares = Math.min(Compute.threads(), recipe.optimisation().batch());
        var plan = MemoryPlan.of(model, teacher, numbers(model, sites), window, shares, recipe.memory());
        var products = products(model, recipe.precision());
        var inputs = new ArrayList<Path>();
        inputs.add(model.checkpoint().path());
        if (teacher != null) {
            inputs.add(teacher.checkpoint().path());
        }
        var folder = OutputFolder.begin(output, inputs);
        try {
            if (unfinished == Unfinished.DISCARD) {
                folder.clear();
            }
            if (!folder.resumed()) {
                folder.requireSpace(2 * model.checkpoint().weightBytes() + 16 * numbers(model, sites));
            }
            var fingerprint = fingerprint(material, recipe, products, plan.segment());
            open(folder, fingerprint);
            return new RecoveryRun(material, recipe, sites, products, plan, folder, output, fingerprint, progress)
                    .run();
        } catch (RuntimeException failure) {
            if (!folder.resumed()
                    && !Files.exists(folder.folder().resolve(".work").resolve(FINGERPRINT))) {
                folder.discard(); // nothing was begun, so nothing is left behind
            }
            throw failure;
        } finally {
            folder.close();
        }
    }

    private static void requireContext(Material material) {
        var most = material.model().spec().maxPositions();
        var validation = material.validation();
        var longest = Math.max(
                material.training().identity().window(),
                validation == null ? 0 : validation.identity().window());
        if (longest > most) {
            throw new IllegalArgumentException("A window of " + longest + " tokens is beyond the model's context of "
                    + most + "; give a smaller --window");
        }
    }

    private static void requireTeacher(LanguageModel model, LanguageModel teacher, RecoveryRecipe recipe) {
        var own = model.spec();
        var other = teacher.spec();
        if (own.vocabSize() != other.vocabSize()) {
            throw mismatch(
                    teacher,
                    "The teacher has a vocabulary of " + other.vocabSize() + ", the model one of " + own.vocabSize()
                            + "; give the dense model that this one was compressed from");
        }
        if (recipe.stages().contains(Stage.BLOCKS)
                && (own.hiddenSize() != other.hiddenSize()
                        || own.blocks().size() != other.blocks().size())) {
            throw mismatch(
                    teacher,
                    "The stage blocks needs a teacher of the same blocks: it has "
                            + other.blocks().size() + " of width " + other.hiddenSize() + ", the model "
                            + own.blocks().size() + " of width " + own.hiddenSize() + "; train end-to-end alone");
        }
    }

    private static CheckpointException mismatch(LanguageModel teacher, String message) {
        return new CheckpointException(
                Code.CFG_TENSOR_MISMATCH, teacher.checkpoint().path(), message);
    }

    /// The linears that move.
    private static Set<LinearSite> sites(LanguageModel model, Trained trained) {
        var path = model.checkpoint().path();
        var all = model.spec().sites().toList();
        if (!Files.isDirectory(path) || !Files.exists(path.resolve(Manifest.FILE_NAME))) {
            throw new CheckpointException(
                    Code.CFG_UNSUPPORTED,
                    path,
                    "This is no folder that Lowrank wrote (it has no " + Manifest.FILE_NAME + "); recover trains"
                            + " compressed models. Make one with lowrank compress");
        }
        var forms = SiteForms.of(model.checkpoint().config());
        for (var site : all) {
            if (!forms.owner(site).equals(site.name())) {
                throw new CheckpointException(
                        Code.CFG_UNSUPPORTED,
                        path,
                        site.name() + " reads the right factor of " + forms.owner(site) + ", and training would pull"
                                + " the two apart; recover trains models whose sites share no factor. Compress by"
                                + " another method than basis-sharing");
            }
        }
        var compressed = all.stream()
                .filter(site -> !(model.weights().linear(site) instanceof Linear.Dense))
                .toList();
        var found = switch (trained) {
            case FACTORS -> compressed;
            case LINEARS -> all;
            case LRC -> {
                var marked = marked(path);
                yield marked.isEmpty()
                        ? compressed
                        : compressed.stream()
                                .filter(site -> marked.contains(site.name()))
                                .toList();
            }
        };
        if (found.isEmpty()) {
            throw new CheckpointException(
                    Code.CFG_UNSUPPORTED,
                    path,
                    "No site of this model is stored in factors, so nothing would be trained; --train linears trains"
                            + " dense ones");
        }
        return new LinkedHashSet<>(found);
    }

    /// Names of the sites that an allocator marked as low-rank components.
    private static Set<String> marked(Path folder) {
        var names = new HashSet<String>();
        for (var site : Manifest.read(folder).run().path("sites")) {
            if (site.path("mark").asString("").equals("LRC")) {
                names.add(site.path("name").asString(""));
            }
        }
        return names;
    }

    /// An upper bound of what is trained: pivoted sites as two factors.
    private static long numbers(LanguageModel model, Set<LinearSite> sites) {
        return sites.stream()
                .mapToLong(site -> {
                    var linear = model.weights().linear(site);
                    return linear instanceof Linear.Dense
                            ? site.weightParameters()
                            : (long) linear.rank() * (site.in() + site.out() + linear.rank());
                })
                .sum();
    }

    private static DType products(LanguageModel model, Precision precision) {
        return switch (precision) {
            case F32 -> DType.F32;
            case BF16 -> DType.BF16;
            case AUTO -> MixedPrecision.pays(model.spec()) ? DType.BF16 : DType.F32;
        };
    }

    private static ObjectNode fingerprint(Material material, RecoveryRecipe recipe, DType products, int segment) {
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
        root.put("products", products.name());
        root.put("segment", segment);
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
    private static void open(OutputFolder folder, ObjectNode fingerprint) {
        var file = folder.workFolder().resolve(FINGERPRINT);
        var before = WorkFiles.json(file);
        if (before == null) {
            folder.clear();
            WorkFiles.write(folder.workFolder().resolve(FINGERPRINT), JSON.writeValueAsBytes(fingerprint));
        } else if (!before.equals(fingerprint)) {
            throw new CheckpointException(
                    Code.RESUME_FINGERPRINT,
                    folder.folder(),
                    "An unfinished run lies here that was asked something else ("
                            + String.join("; ", Fingerprint.differences(before, fingerprint))
                            + "). Repeat that run to finish it, or add --restart to discard it");
        }
    }
}
