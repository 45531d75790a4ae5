package dev.lowrank.app;

import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.allocate.RankRule;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.Methods;
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
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// The options of `plan`, `compress` and `compare` that say how to compress.
final class RecipeOptions {
    /// Ids of all methods, for completion and help.
    static final class MethodIds implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Methods.ids().iterator();
        }
    }

    /// Names of all storage policies, for completion and help.
    static final class StorageIds implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return storages().iterator();
        }
    }

    @Option(
            names = "--keep",
            paramLabel = "SHARE",
            description = "Share of the target linears' parameters that stays, in (0, 1]; 0.8 unless --rank or"
                    + " --energy is given.")
    private @Nullable Double keep;

    @Option(names = "--rank", paramLabel = "R", description = "The same rank for every target, instead of --keep.")
    private @Nullable Integer rank;

    @Option(
            names = "--energy",
            paramLabel = "SHARE",
            description = "Smallest rank that keeps this share of the squared singular values in the method's metric,"
                    + " instead of --keep.")
    private @Nullable Double energy;

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

    @Option(names = "--seed", defaultValue = "0", description = "Decides everything random (${DEFAULT-VALUE}).")
    private long seed;

    /// The seed, which also draws the calibration windows.
    long seed() {
        return seed;
    }

    /// The share asked for, where it was a share.
    @Nullable
    Double keep() {
        return rank == null && energy == null ? Double.valueOf(keep == null ? 0.8 : keep) : null;
    }

    /// The recipe.
    ///
    /// @throws CommandException with code 2 for a value that is out of range or a name that is not known
    CompressionRecipe recipe(String method, String storage) {
        UsageErrors.known(method, "methods", Methods.ids());
        UsageErrors.known(storage, "storage policies", storages());
        return UsageErrors.check(() -> new CompressionRecipe(
                Methods.of(method, new MethodOptions(alpha, !uncentred)),
                StoragePolicy.of(storage),
                ranks(),
                rankMultiple,
                roles(),
                new TreeSet<>(protectedLayers),
                type(),
                seed));
    }

    private RankRule ranks() {
        var given = (keep == null ? 0 : 1) + (rank == null ? 0 : 1) + (energy == null ? 0 : 1);
        if (given > 1) {
            throw new IllegalArgumentException("--keep, --rank and --energy exclude one another; give one of them.");
        }
        if (rank != null) {
            return new RankRule.Explicit(rank);
        }
        return energy != null
                ? new RankRule.Energy(energy)
                : new RankRule.Uniform(KeepRatio.keep(keep == null ? 0.8 : keep));
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

    private static List<String> storages() {
        return Arrays.stream(StoragePolicy.values()).map(StoragePolicy::id).toList();
    }
}
