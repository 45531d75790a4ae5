package dev.lowrank.app;

import dev.lowrank.app.RecipeDetails.Ranks;
import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.PerplexityIncrease;
import dev.lowrank.compress.allocate.WithinBound;
import dev.lowrank.compress.storage.StoragePolicy;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// The options of `plan` and `compress` that say how to compress.
final class RecipeOptions {
    /// What a published method is paired with where nothing else is asked: its own papers' rule.
    static final String ALLOCATOR = "uniform";

    /// Ids of all methods, for completion and help.
    static final class MethodIds implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return RecipeDetails.methods().iterator();
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
            names = "--max-perplexity-increase",
            paramLabel = "SHARE",
            description =
                    "The largest cut whose perplexity on the --validation text stays within this, e.g. 1%%, instead"
                            + " of --keep.")
    private @Nullable String increase;

    @Option(
            names = "--allocate",
            paramLabel = "ALLOCATOR",
            completionCandidates = AllocatorIds.class,
            description =
                    "What spends --keep on the targets: ${COMPLETION-CANDIDATES}; knapsack for the method lowrank,"
                            + " influence for modegpt, uniform for the others; shortgpt, sleb and basis-sharing have"
                            + " a rule of their own.")
    private @Nullable String allocator;

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
        return rank == null && energy == null && increase == null ? Double.valueOf(keep == null ? 0.8 : keep) : null;
    }

    /// The recipe.
    ///
    /// @throws CommandException with code 2 for a value that is out of range or a name that is not known
    CompressionRecipe recipe(String method, String storage) {
        return details.recipe(method, storage, () -> ranks(method));
    }

    private Ranks ranks(String method) {
        var spender = allocator != null ? allocator : RecipeDetails.allocator(method);
        if (Stream.of(keep, rank, energy, increase).filter(Objects::nonNull).count() > 1) {
            throw new IllegalArgumentException("--keep, --rank, --energy and --max-perplexity-increase exclude one"
                    + " another; give one of them.");
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
        if (increase != null) {
            UsageErrors.known(spender, "allocators", Allocators.ids());
            var inner = Allocators.of(spender, AllocatorOptions.DEFAULT);
            return new Ranks(
                    new WithinBound(inner, unit, new PerplexityIncrease(share(increase))), new Budget.Unbounded(unit));
        }
        return Ranks.share(spender, unit, keep == null ? 0.8 : keep);
    }

    /// `1%` or `0.01`.
    private static double share(String text) {
        try {
            return text.endsWith("%")
                    ? Double.parseDouble(text.substring(0, text.length() - 1)) / 100
                    : Double.parseDouble(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "--max-perplexity-increase is a share such as 1% or 0.01, not " + text, e);
        }
    }

    /// The bound on perplexity; null where the budget is something else.
    @Nullable
    Double largestIncrease() {
        return increase == null ? null : Double.valueOf(share(increase));
    }

    /// Names of all storage policies.
    static List<String> storages() {
        return Arrays.stream(StoragePolicy.values()).map(StoragePolicy::id).toList();
    }
}
