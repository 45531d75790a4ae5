package dev.lowrank.app;

import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.SequentialUpdate;
import dev.lowrank.compress.allocate.Allocator;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.method.Method;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.Methods;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.statistics.Shrinkage;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// The options of a recipe besides method, storage and budget.
final class RecipeDetails {
    /// Our own recipe, the default.
    static final String OWN = "lowrank";

    private static final String OWN_METRIC = "kfac-svd";

    @Option(names = "--rank-multiple", paramLabel = "N", defaultValue = "1", description = "Round ranks down to this.")
    private int rankMultiple;

    @Option(
            names = "--targets",
            paramLabel = "ROLE",
            split = ",",
            description = "Roles to compress, e.g. q,k,v,o,gate,up,down; all if not given.")
    private List<String> targets = new ArrayList<>();

    @Option(names = "--protect", paramLabel = "LAYER", split = ",", description = "Layers that stay dense.")
    private List<Integer> protectedLayers = new ArrayList<>();

    @Option(names = "--dtype", paramLabel = "TYPE", description = "F32, F16 or BF16; the model's own if not given.")
    private @Nullable String dtype;

    @Option(names = "--alpha", defaultValue = "0.5", description = "asvd: exponent of the activation scale.")
    private double alpha;

    @Option(names = "--uncentred", description = "lord: do not subtract the mean, add no output bias.")
    private boolean uncentred;

    @Option(
            names = "--centred",
            description = "asvd, svd-llm, kfac-svd: subtract the mean input and give its output back by a bias, as lord"
                    + " does.")
    private boolean centred;

    @Option(
            names = "--shrinkage",
            defaultValue = "0.5",
            description = "kfac-svd: how far the output metric is drawn towards the identity, 0 to 1.")
    private double shrinkage;

    @Option(
            names = "--input-shrinkage",
            defaultValue = "auto",
            paramLabel = "SHARE",
            description = "lord, svd-llm, kfac-svd: how far the input metric is drawn towards the identity: auto (only"
                    + " where there are fewer than 10 tokens for a channel), none, or a share in [0, 1)"
                    + " (${DEFAULT-VALUE}).")
    private String inputShrinkage;

    @Option(
            names = "--ridge",
            defaultValue = "0.01",
            description = "modegpt: ridge of the leverage scores, as a share of the mean energy of a channel.")
    private double ridge;

    @Option(
            names = "--share-blocks",
            defaultValue = "2",
            description = "basis-sharing: neighbouring blocks that share a basis.")
    private int sharedBlocks;

    @Option(
            names = "--update",
            description =
                    "none, or sequential: fit each site to what it sees in the model compressed so far; sequential"
                            + " for the method lowrank, none for the others.")
    private @Nullable String update;

    @Option(
            names = "--update-alpha",
            defaultValue = "0.3",
            description = "sequential: share of the whole model's outputs in the fit, 0 to 1.")
    private double updateAlpha;

    @Option(names = "--seed", defaultValue = "0", description = "Decides everything random (${DEFAULT-VALUE}).")
    private long seed;

    /// The seed, which also draws the calibration windows.
    long seed() {
        return seed;
    }

    /// The recipe.
    ///
    /// @param ranks reads what chooses the ranks, and the budget
    /// @throws CommandException with code 2 for a value that is out of range or a name that is not known
    CompressionRecipe recipe(String method, String storage, Supplier<Ranks> ranks) {
        UsageErrors.known(method, "methods", methods());
        UsageErrors.known(storage, "storage policies", RecipeOptions.storages());
        return UsageErrors.check(() -> {
            var chosen = ranks.get();
            return new CompressionRecipe(
                    Methods.of(
                            isOwn(method) ? OWN_METRIC : method,
                            new MethodOptions(alpha, centred(), shrinkage, inputShrinkage(), ridge, sharedBlocks)),
                    StoragePolicy.of(storage),
                    chosen.allocator(),
                    chosen.budget(),
                    rankMultiple,
                    roles(),
                    new TreeSet<>(protectedLayers),
                    update(method),
                    type(),
                    seed);
        });
    }

    /// What chooses the ranks, and what they may cost.
    record Ranks(Allocator allocator, Budget budget) {
        /// An allocator that spends a share of what the targets cost.
        static Ranks share(String allocator, CostUnit unit, double keep) {
            UsageErrors.known(allocator, "allocators", Allocators.ids());
            return new Ranks(
                    Allocators.of(allocator, AllocatorOptions.DEFAULT), new Budget.Share(unit, KeepRatio.keep(keep)));
        }
    }

    /// Whether a name stands for our own recipe: the K-FAC metric, the knapsack and the sequential
    /// update. Published methods do as published unless asked otherwise.
    static boolean isOwn(String method) {
        return method.equals(OWN);
    }

    /// The allocator of a method where nothing else is asked: its own paper's rule.
    static String allocator(String method) {
        return isOwn(method) ? "knapsack" : published(method).allocator();
    }

    /// Whether a method leaves the choice of allocator and storage.
    static boolean treatsLinearsAlone(String method) {
        return isOwn(method) || published(method) instanceof SiteMethod;
    }

    private static Method published(String method) {
        UsageErrors.known(method, "methods", methods());
        return Methods.of(method, MethodOptions.DEFAULT);
    }

    /// Names of all methods, our own first.
    static List<String> methods() {
        return Stream.concat(Stream.of(OWN), Methods.ids().stream()).toList();
    }

    private @Nullable SequentialUpdate update(String method) {
        var chosen = update != null ? update : isOwn(method) ? "sequential" : "none";
        UsageErrors.known(chosen, "updates", List.of("none", "sequential"));
        var standard = SequentialUpdate.DEFAULT;
        return chosen.equals("none") ? null : new SequentialUpdate(updateAlpha, standard.ridge(), standard.windows());
    }

    private @Nullable Boolean centred() {
        if (centred && uncentred) {
            throw new IllegalArgumentException("--centred and --uncentred exclude each other; give one of them.");
        }
        return centred || uncentred ? Boolean.valueOf(centred) : null;
    }

    private Shrinkage inputShrinkage() {
        return switch (inputShrinkage) {
            case "none" -> Shrinkage.NONE;
            case "auto" -> Shrinkage.ESTIMATED;
            default -> new Shrinkage(share(inputShrinkage));
        };
    }

    private static double share(String text) {
        try {
            return Double.parseDouble(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "--input-shrinkage is none, auto or a share in [0, 1), not '" + text + "'", e);
        }
    }

    private Set<Role> roles() {
        var known = Arrays.stream(Role.values()).map(Role::id).toList();
        targets.forEach(name -> UsageErrors.known(name, "targets", known));
        return targets.stream().map(Role::of).collect(Collectors.toCollection(LinkedHashSet::new));
    }

    private @Nullable DType type() {
        if (dtype == null) {
            return null;
        }
        var name = dtype.toUpperCase(Locale.ROOT);
        UsageErrors.known(name, "element types", List.of("F32", "F16", "BF16"));
        return DType.valueOf(name);
    }
}
