package dev.lowrank.app;

import dev.lowrank.app.RecipeDetails.Ranks;
import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.WeightBudget;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.PerplexityIncrease;
import dev.lowrank.compress.allocate.WithinBound;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.LanguageModel;
import java.nio.file.Path;
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
    /// Ids of all methods, for completion and help.
    static final class MethodIds implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return CompressionRecipe.names().iterator();
        }
    }

    /// Ids of all allocators, for completion and help.
    static final class AllocatorIds implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Allocators.spenders().stream()
                    .filter(name -> !name.contains("+"))
                    .iterator();
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
            description = "Share of the target linears' cost that stays, in (0, 1]; 0.8 unless something else says"
                    + " how much.")
    private @Nullable Double keep;

    @Option(names = "--rank", paramLabel = "R", description = "The same rank for every target, instead of --keep.")
    private @Nullable Integer rank;

    @Option(
            names = "--site-ranks",
            paramLabel = "FILE",
            description = "JSON object of a rank for each site to cut, by its name, as `explore` writes it; all others"
                    + " stay dense. Instead of --keep.")
    private @Nullable Path siteRanks;

    @Option(
            names = "--energy",
            paramLabel = "SHARE",
            description = "Smallest rank that keeps this share of the squared singular values in the method's metric,"
                    + " instead of --keep.")
    private @Nullable Double energy;

    @Option(
            names = {"--budget", "--budget-bytes"},
            paramLabel = "SIZE",
            description = "Bytes of the result's weight files, e.g. 300MB (10^6) or 300MiB (2^20), instead of --keep;"
                    + " embeddings, norms and biases take theirs first.")
    private @Nullable String budget;

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
            description = "What spends the budget on the targets: ${COMPLETION-CANDIDATES}; with +fermi behind it, e.g."
                    + " zs-svd+fermi, refined by gradient descent. If not given knapsack for the method lowrank,"
                    + " influence for modegpt, uniform for the others; shortgpt, sleb, slicegpt and basis-sharing have"
                    + " a rule of their own.")
    private @Nullable String allocator;

    @Option(
            names = "--count",
            paramLabel = "UNIT",
            description = "What --keep counts: parameters, bytes or decode-bytes (${DEFAULT-VALUE}).")
    private String count = CostUnit.PARAMETERS.id();

    @Mixin
    private RecipeDetails details;

    /// The seed, which also draws the calibration windows.
    long seed() {
        return details.seed();
    }

    /// The share asked for, where it was a share.
    @Nullable
    Double keep() {
        return Stream.of(rank, siteRanks, energy, increase, budget).allMatch(Objects::isNull)
                ? Double.valueOf(keep == null ? 0.8 : keep)
                : null;
    }

    /// The recipe.
    ///
    /// @throws CommandException with code 2 for a value that is out of range or a name that is not known
    CompressionRecipe recipe(String method, String storage) {
        return details.recipe(method, storage, () -> ranks(method));
    }

    /// The recipe that keeps a share which something else than an option chooses.
    ///
    /// @throws CommandException with code 2 if an option chooses it as well
    CompressionRecipe sharing(String method, String storage, double share) {
        if (Stream.of(keep, rank, energy, increase, budget).anyMatch(Objects::nonNull)) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "--min-accuracy finds out what to keep; --keep, --rank, --energy, --budget and"
                            + " --max-perplexity-increase say it.",
                    "Give one of them.");
        }
        return details.recipe(
                method,
                storage,
                () -> Ranks.share(
                        details.spender(allocator != null ? allocator : RecipeDetails.allocator(method)),
                        CostUnit.of(count),
                        share));
    }

    /// The recipe with a budget for the whole model turned into one for the targets.
    ///
    /// @throws CommandException with code 2 if the rest of the model leaves the targets nothing
    CompressionRecipe fitted(LanguageModel source, CompressionRecipe recipe) {
        var whole = budget;
        return whole == null
                ? recipe
                : UsageErrors.check(() -> WeightBudget.of(source, recipe, ByteSize.parse("--budget", whole)));
    }

    private Ranks ranks(String method) {
        var ways = Stream.of(keep, rank, siteRanks, energy, increase, budget).filter(Objects::nonNull);
        if (ways.count() > 1) {
            throw new IllegalArgumentException(
                    "--keep, --rank, --site-ranks, --energy, --budget and --max-perplexity-increase exclude"
                            + " one another; give one of them.");
        }
        var unit = CostUnit.of(count);
        if (rank != null) {
            alone("--rank");
            var options = AllocatorOptions.DEFAULT.withRank(rank);
            return new Ranks(Allocators.of("rank", options), new Budget.Unbounded(unit));
        }
        if (siteRanks != null) {
            alone("--site-ranks");
            return new Ranks(SiteRanksFile.read(siteRanks), new Budget.Unbounded(unit));
        }
        if (energy != null) {
            alone("--energy");
            var options = AllocatorOptions.DEFAULT.withEnergyShare(energy);
            return new Ranks(Allocators.of("energy", options), new Budget.Unbounded(unit));
        }
        var spender = details.spender(allocator != null ? allocator : RecipeDetails.allocator(method));
        if (increase != null) {
            return new Ranks(
                    new WithinBound(spender, unit, new PerplexityIncrease(share(increase))),
                    new Budget.Unbounded(unit));
        }
        if (budget != null) {
            return new Ranks(spender, new Budget.Absolute(CostUnit.BYTES, ByteSize.parse("--budget", budget)));
        }
        return Ranks.share(spender, unit, keep == null ? 0.8 : keep);
    }

    private void alone(String option) {
        if (allocator != null) {
            throw new IllegalArgumentException(
                    option + " fixes the ranks by itself; --allocate " + allocator + " would have nothing to spend.");
        }
    }

    /// `1%` or `0.01`.
    private static double share(String text) {
        try {
            if (text.endsWith("%")) {
                return Double.parseDouble(text.substring(0, text.length() - 1)) / 100;
            }
            var share = Double.parseDouble(text);
            if (share >= 1) {
                throw new IllegalArgumentException("--max-perplexity-increase " + text + " would allow " + 100 * share
                        + "%; write " + text + "% if that is what you mean, or a share below 1");
            }
            return share;
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
