package dev.lowrank.recover;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.checkpoint.Manifest;
import dev.lowrank.model.DecoderSpec.Norm.Kind;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.MixedPrecision;
import dev.lowrank.model.SiteForms;
import dev.lowrank.recover.Recovery.Material;
import dev.lowrank.recover.RecoveryRecipe.Precision;
import dev.lowrank.recover.RecoveryRecipe.Stage;
import dev.lowrank.recover.RecoveryRecipe.Trained;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/// What a training will do with its material, known and checked before anything is written.
///
/// @param goals what the model is moved towards
/// @param sites linears that move
/// @param numbers upper bound of the numbers that move
/// @param products element type of products
/// @param memory what is kept in memory
record RecoveryPlan(List<Goal> goals, Set<LinearSite> sites, long numbers, DType products, MemoryPlan memory) {

    /// @throws IllegalArgumentException if the recipe does not fit the material
    /// @throws CheckpointException if the model has nothing to train or the teacher does not fit
    /// @throws NotEnoughMemoryException if the recipe's memory does not suffice
    static RecoveryPlan of(Material material, RecoveryRecipe recipe) {
        var model = material.model();
        var teacher = material.teacher();
        requireContext(material);
        requirePlain(model);
        if (teacher != null) {
            requireTeacher(material, teacher, recipe);
        } else if (recipe.stages().contains(Stage.BLOCKS)) {
            throw new IllegalArgumentException(
                    "The stage blocks trains against the dense model, but there is none; give it with --teacher");
        }
        var sites = sites(model, recipe.trained());
        var numbers = numbers(model, sites, recipe.trained());
        var goals = Goal.of(recipe, teacher != null);
        var memory = MemoryPlan.of(model, teacher, goals, work(material, recipe, numbers), recipe.memory());
        return new RecoveryPlan(goals, sites, numbers, products(model, recipe.precision()), memory);
    }

    /// Weights in blocks take no small steps, and no gradients reach single entries.
    private static void requirePlain(LanguageModel model) {
        var config = model.checkpoint().config();
        var forms = SiteForms.of(config);
        model.spec().sites().filter(site -> forms.sparse(site) > 0).findFirst().ifPresent(site -> {
            throw config.unsupported(
                    "lowrank.sites." + site.name() + ".sparse",
                    "single entries beside the factors, which are not trained",
                    "a model without them; compress without --outliers");
        });
        model.spec().sites().filter(forms::quantized).findFirst().ifPresent(site -> {
            throw config.unsupported(
                    "lowrank.sites." + site.name() + ".types",
                    "quantised blocks, which cannot be trained",
                    "a model in plain numbers; compress without --quantize");
        });
    }

    private static MemoryPlan.Work work(Material material, RecoveryRecipe recipe, long numbers) {
        var window = material.training().identity().window();
        var threads = Compute.threads();
        var shares = Math.min(threads, recipe.optimisation().batch());
        var validation = material.validation();
        return validation == null
                ? new MemoryPlan.Work(numbers, window, shares, window, 1, 1)
                : new MemoryPlan.Work(
                        numbers,
                        window,
                        shares,
                        validation.identity().window(),
                        validation.windows().size(),
                        Math.min(threads, validation.windows().size()));
    }

    /// Bytes that a run writes, working files included; the teacher's predictions, which are kept only
    /// where there is room, left out.
    long diskBytes(Material material, RecoveryRecipe recipe) {
        // Values, two moments and the best values, in two files and one that is to replace the older.
        var state = 3 * 16 * numbers;
        var streams = 0L;
        if (recipe.stages().contains(Stage.BLOCKS)) {
            var windows =
                    Math.min(recipe.blocks().windows(), material.training().size());
            var tokens = (long) windows * material.training().identity().window();
            // Two streams, each before and after a block.
            streams = 4 * 4 * tokens * material.model().spec().hiddenSize();
        }
        return 2 * material.model().checkpoint().weightBytes() + state + streams;
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

    private static void requireTeacher(Material material, LanguageModel teacher, RecoveryRecipe recipe) {
        var own = material.model().spec();
        var other = teacher.spec();
        if (own.vocabSize() != other.vocabSize()) {
            throw mismatch(
                    teacher,
                    "The teacher has a vocabulary of " + other.vocabSize() + ", the model one of " + own.vocabSize()
                            + "; give the dense model that this one was compressed from");
        }
        var window = material.training().identity().window();
        if (window > other.maxPositions()) {
            throw mismatch(
                    teacher,
                    "A window of " + window + " tokens is beyond the teacher's context of " + other.maxPositions()
                            + "; give a smaller --window");
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

    /// The linears that move; of those that share a factor all or none.
    private static Set<LinearSite> sites(LanguageModel model, Trained trained) {
        var path = model.checkpoint().path();
        if (!Files.isDirectory(path) || !Files.exists(path.resolve(Manifest.FILE_NAME))) {
            throw new CheckpointException(
                    Code.CFG_UNSUPPORTED,
                    path,
                    "This is no folder that Lowrank wrote (it has no " + Manifest.FILE_NAME + "); recover trains"
                            + " compressed models. Make one with lowrank compress");
        }
        var all = model.spec().sites().toList();
        var compressed = all.stream()
                .filter(site -> !(model.weights().linear(site) instanceof Linear.Dense))
                .toList();
        var found = switch (trained) {
            case FACTORS -> compressed;
            case LINEARS -> all;
            case LRC -> lowRankComponents(model, compressed);
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

    private static List<LinearSite> lowRankComponents(LanguageModel model, List<LinearSite> compressed) {
        var marked = marked(model.checkpoint().path());
        var shared = SharedFactors.of(model);
        var found = compressed.stream()
                .filter(site -> shared.readers(site).stream().anyMatch(each -> marked.contains(each.name())))
                .toList();
        if (found.isEmpty()) {
            throw new IllegalArgumentException("--train lrc moves the sites that compress --allocate welore marked as"
                    + " low-rank components, but in " + model.checkpoint().path()
                    + " none is marked; give --train factors, or a folder that was compressed so");
        }
        return found;
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

    /// A factor that several sites read counts for each of them, which makes it a bound.
    private static long numbers(LanguageModel model, Set<LinearSite> sites, Trained trained) {
        var ofSites = sites.stream()
                .mapToLong(site -> numbers(model.weights().linear(site)))
                .sum();
        if (trained == Trained.LRC) {
            return ofSites;
        }
        var spec = model.spec();
        var ofNorm = (spec.norm().kind() == Kind.LAYER ? 2L : 1L) * spec.hiddenSize();
        return ofSites + ofNorm * (2L * spec.blocks().size() + 1);
    }

    /// Numbers of the form that a linear is trained in.
    private static long numbers(Linear linear) {
        var bias = linear.bias();
        var others = bias == null ? 0 : bias.shape().elements();
        return others
                + switch (linear) {
                    case Linear.Dense _ -> (long) linear.in() * linear.out();
                    case Linear.Factored _, Linear.Pivoted _ -> (long) linear.rank() * (linear.in() + linear.out());
                    case Linear.Tucker _ -> (long) linear.rank() * (linear.in() + linear.out() + linear.rank());
                    case Linear.SparsePlusLowRank _ ->
                        throw new IllegalStateException("Refused before: " + linear.form());
                };
    }

    private static DType products(LanguageModel model, Precision precision) {
        return switch (precision) {
            case F32 -> DType.F32;
            case BF16 -> DType.BF16;
            case AUTO -> MixedPrecision.pays(model.spec()) ? DType.BF16 : DType.F32;
        };
    }
}
