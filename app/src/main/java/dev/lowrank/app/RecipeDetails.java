package dev.lowrank.app;

import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.RecipeArguments;
import dev.lowrank.compress.SequentialUpdate;
import dev.lowrank.compress.TargetStorage;
import dev.lowrank.compress.allocate.Allocator;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.method.Method;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.quantize.Bits;
import dev.lowrank.compress.quantize.Outliers;
import dev.lowrank.compress.quantize.Quantization;
import dev.lowrank.compress.statistics.Shrinkage;
import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParseResult;

/// The options of a recipe besides method, storage and budget.
final class RecipeDetails {
    /// Options that some methods or allocators do not read.
    private static final Set<String> KNOBS = Set.of(
            "--storage",
            "--allocate",
            "--allocate-rounds",
            "--allocate-by",
            "--allocate-floor",
            "--allocate-trials",
            "--swift-alpha",
            "--count",
            "--rank-multiple",
            "--alpha",
            "--uncentred",
            "--centred",
            "--shrinkage",
            "--input-shrinkage",
            "--ridge",
            "--share-blocks",
            "--update",
            "--update-alpha",
            "--quantize",
            "--bits",
            "--quantize-plain",
            "--outliers");

    private static final Budget EVERYTHING = new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(1));

    @Option(
            names = "--rank-multiple",
            paramLabel = "N",
            description =
                    "Ranks are multiples of this: rounded down where a budget is spent, up where --energy asks for"
                            + " a share; 1 if not given, with --quantize 32 (nf4: 64), so that rows are whole blocks.")
    private @Nullable Integer rankMultiple;

    /// Names of the block types, for completion and help.
    static final class BlockTypes implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Quantization.ids().iterator();
        }
    }

    @Option(
            names = "--quantize",
            paramLabel = "TYPE",
            completionCandidates = BlockTypes.class,
            description =
                    "Store the targets, cut or not, in blocks of this type: ${COMPLETION-CANDIDATES}. What rounding"
                            + " loses is passed on in the metric of the inputs; with --keep 1 nothing is cut.")
    private @Nullable String quantize;

    /// What `--bits` takes, for completion and help.
    static final class BitsNames implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Stream.concat(Stream.of(Bits.AUTO), Bits.names().stream()).iterator();
        }
    }

    @Option(
            names = "--bits",
            split = ",",
            paramLabel = "TYPE",
            completionCandidates = BitsNames.class,
            description = "Let the allocation choose a block type for every target together with its rank, within a"
                    + " budget in bytes: auto (q4_0, q4_k, q6_k, q8_0 or plain), or those to choose from, of"
                    + " ${COMPLETION-CANDIDATES}.")
    private List<String> bits = new ArrayList<>();

    @Option(
            names = "--quantize-plain",
            description = "With --quantize or --bits: round every weight by itself, which needs no calibration.")
    private boolean quantizePlain;

    @Option(
            names = "--outliers",
            paramLabel = "SHARE",
            description = "Keep this share of each target's entries beside what it is stored in, in plain numbers,"
                    + " where dropping them costs most, e.g. 0.01. They come on top of what --keep counts.")
    private @Nullable Double outliers;

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

    @Option(names = "--alpha", description = "asvd: exponent of the activation scale (${DEFAULT-VALUE}).")
    private double alpha = MethodOptions.DEFAULT.alpha();

    @Option(names = "--uncentred", description = "lord: do not subtract the mean, add no output bias.")
    private boolean uncentred;

    @Option(
            names = "--centred",
            description = "asvd, svd-llm, kfac-svd: subtract the mean input and give its output back by a bias, as lord"
                    + " does.")
    private boolean centred;

    @Option(
            names = "--shrinkage",
            description = "lowrank, kfac-svd: how far the output metric is drawn towards the identity, 0 to 1"
                    + " (${DEFAULT-VALUE}).")
    private double shrinkage = MethodOptions.DEFAULT.shrinkage();

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
            description = "modegpt: ridge of the leverage scores, as a share of the mean energy of a channel"
                    + " (${DEFAULT-VALUE}).")
    private double ridge = MethodOptions.DEFAULT.ridge();

    @Option(
            names = "--share-blocks",
            description = "basis-sharing: neighbouring blocks that share a basis (${DEFAULT-VALUE}).")
    private int sharedBlocks = MethodOptions.DEFAULT.sharedBlocks();

    @Option(
            names = "--update",
            description =
                    "none, or sequential: fit each site to what it sees in the model compressed so far; sequential"
                            + " for the method lowrank, none for the others.")
    private @Nullable String update;

    @Option(
            names = "--update-alpha",
            paramLabel = "SHARE",
            description = "sequential: share of the whole model's outputs in the fit, 0 to 1 (${DEFAULT-VALUE}).")
    private double updateAlpha = SequentialUpdate.DEFAULT.alpha();

    @Mixin
    private AllocationOptions allocation;

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
        UsageErrors.known(method, "methods", CompressionRecipe.names());
        UsageErrors.known(storage, "storage policies", RecipeOptions.storages());
        return UsageErrors.check(() -> {
            var chosen = ranks.get();
            var options = new MethodOptions(alpha, centred(), shrinkage, inputShrinkage(), ridge, sharedBlocks);
            var standard = CompressionRecipe.named(method, options, EVERYTHING, seed);
            var quantization = quantization();
            var choice = bits();
            var roles = roles();
            var update = update(standard, quantization != null || choice != null);
            var type = type();
            var outliers = outliers(chosen.budget(), quantization, choice);
            return new CompressionRecipe(
                    standard.name(),
                    standard.method(),
                    new TargetStorage(StoragePolicy.of(storage), quantization, choice, outliers),
                    chosen.allocator(),
                    chosen.budget(),
                    rankMultiple(quantization),
                    roles,
                    new TreeSet<>(protectedLayers),
                    update,
                    type,
                    standard.seed());
        });
    }

    /// What chooses the ranks, and what they may cost.
    record Ranks(Allocator allocator, Budget budget) {
        /// What a share of the targets' cost is spent by.
        static Ranks share(Allocator allocator, CostUnit unit, double keep) {
            return new Ranks(allocator, new Budget.Share(unit, KeepRatio.keep(keep)));
        }
    }

    /// An allocator that spends a budget, with the knobs that were given.
    ///
    /// @throws CommandException with code 2 for a name that is not known, or one that spends nothing
    Allocator spender(String name) {
        if (Allocators.ids().contains(name) && !Allocators.spenders().contains(name)) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "--allocate " + name + " spends no budget: it fixes one rank for all.",
                    "Give --rank N instead.");
        }
        UsageErrors.known(name, "allocators", Allocators.spenders());
        return UsageErrors.check(() -> Allocators.of(name, allocation.options()));
    }

    /// Refuses options that were given and that no recipe reads: they would change nothing, silently.
    ///
    /// @param given the command line; defaults of the environment may be of no use
    static void refuseIgnored(ParseResult given, List<CompressionRecipe> recipes) {
        var read = recipes.stream()
                .flatMap(recipe -> RecipeArguments.of(recipe).stream())
                .collect(Collectors.toSet());
        for (var option : given.matchedOptions()) {
            var name = option.longestName();
            if (KNOBS.contains(name) && !read.contains(name)) {
                var who = recipes.stream()
                        .map(recipe -> recipe.name() + " by " + recipe.spender())
                        .distinct()
                        .collect(Collectors.joining(", "));
                throw new CommandException(
                        ExitCode.USAGE,
                        name + " would change nothing: " + who + " does not read it.",
                        "Leave it out; --help says who reads it.");
            }
        }
    }

    /// The allocator of a method where nothing else is asked.
    static String allocator(String method) {
        return standard(method).allocator().info().id();
    }

    /// Whether a method leaves the choice of allocator and storage.
    static boolean treatsLinearsAlone(String method) {
        return standard(method).method() instanceof SiteMethod;
    }

    private static CompressionRecipe standard(String method) {
        UsageErrors.known(method, "methods", CompressionRecipe.names());
        return CompressionRecipe.named(method, MethodOptions.DEFAULT, EVERYTHING, 0);
    }

    private @Nullable Quantization quantization() {
        if (quantize == null) {
            if (quantizePlain && bits.isEmpty()) {
                throw new IllegalArgumentException(
                        "--quantize-plain says how to round to blocks; say to which with --quantize TYPE or --bits.");
            }
            return null;
        }
        UsageErrors.known(quantize, "block types", Quantization.ids());
        return Quantization.of(quantize, quantizePlain);
    }

    private @Nullable Outliers outliers(Budget budget, @Nullable Quantization quantization, @Nullable Bits choice) {
        if (outliers == null) {
            return null;
        }
        if (quantization == null
                && choice == null
                && budget.equals(new Budget.Share(budget.unit(), KeepRatio.keep(1)))) {
            throw new IllegalArgumentException("--outliers take up what a cut or blocks lose, and --keep 1 without"
                    + " --quantize loses nothing; give a smaller --keep, or --quantize TYPE.");
        }
        return new Outliers(outliers);
    }

    private @Nullable Bits bits() {
        if (bits.isEmpty()) {
            return null;
        }
        var known = Stream.concat(Stream.of(Bits.AUTO), Bits.names().stream()).toList();
        bits.forEach(name -> UsageErrors.known(name, "types", known));
        return Bits.of(bits, quantizePlain);
    }

    private int rankMultiple(@Nullable Quantization quantization) {
        if (rankMultiple != null) {
            return rankMultiple;
        }
        return quantization == null ? 1 : quantization.rankMultiple();
    }

    /// @param standard the method as published
    /// @param rounds whether it is stored in blocks
    private @Nullable SequentialUpdate update(CompressionRecipe standard, boolean rounds) {
        if (update == null && standard.update() == null) {
            var passing = outliers != null || rounds && !quantizePlain;
            // Measures what quantising and outliers need, and fits nothing.
            return passing && measuresInputs(standard.method()) ? SequentialUpdate.DEFAULT.fitting(0) : null;
        }
        var chosen = update == null ? "sequential" : update;
        UsageErrors.known(chosen, "updates", List.of("none", "sequential"));
        return chosen.equals("none") ? null : SequentialUpdate.DEFAULT.fitting(updateAlpha);
    }

    private static boolean measuresInputs(Method method) {
        return method.info().needs().contains(Statistic.SECOND_MOMENT)
                && !method.info().needs().contains(Statistic.MEAN);
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
