package dev.lowrank.app;

import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.allocate.RankRule;
import dev.lowrank.compress.method.Methods;
import dev.lowrank.compress.storage.StoragePolicy;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// The options of `plan` and `compress` that say how to compress.
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

    @Mixin
    private RecipeDetails details;

    /// The seed, which also draws the calibration windows.
    long seed() {
        return details.seed();
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
        return details.recipe(method, storage, this::ranks);
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

    /// Names of all storage policies.
    static List<String> storages() {
        return Arrays.stream(StoragePolicy.values()).map(StoragePolicy::id).toList();
    }
}
