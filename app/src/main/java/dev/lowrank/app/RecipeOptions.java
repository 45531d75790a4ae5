package dev.lowrank.app;

import dev.lowrank.app.RecipeDetails.Ranks;
import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
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
    static final String ALLOCATOR = "uniform";

    /// Ids of all methods, for completion and help.
    static final class MethodIds implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Methods.ids().iterator();
        }
    }

    /// Ids of all allocators, for completion and help.
    static final class AllocatorIds implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Allocators.ids().iterator();
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

    @Option(
            names = "--allocate",
            paramLabel = "ALLOCATOR",
            defaultValue = ALLOCATOR,
            completionCandidates = AllocatorIds.class,
            description = "What spends --keep on the targets: ${COMPLETION-CANDIDATES} (${DEFAULT-VALUE}).")
    private String allocator;

    @Option(
            names = "--count",
            paramLabel = "UNIT",
            defaultValue = "parameters",
            description = "What --keep counts: parameters, bytes or decode-bytes (${DEFAULT-VALUE}).")
    private String count;

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

    private Ranks ranks() {
        var given = (keep == null ? 0 : 1) + (rank == null ? 0 : 1) + (energy == null ? 0 : 1);
        if (given > 1) {
            throw new IllegalArgumentException("--keep, --rank and --energy exclude one another; give one of them.");
        }
        var unit = CostUnit.of(count);
        if (rank != null) {
            var options = AllocatorOptions.DEFAULT.withRank(rank);
            return new Ranks(Allocators.of("rank", options), new Budget.Unbounded(unit));
        }
        if (energy != null) {
            var options = AllocatorOptions.DEFAULT.withEnergyShare(energy);
            return new Ranks(Allocators.of("energy", options), new Budget.Unbounded(unit));
        }
        return Ranks.share(allocator, unit, keep == null ? 0.8 : keep);
    }

    /// Names of all storage policies.
    static List<String> storages() {
        return Arrays.stream(StoragePolicy.values()).map(StoragePolicy::id).toList();
    }
}
