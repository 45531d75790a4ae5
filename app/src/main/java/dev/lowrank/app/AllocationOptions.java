package dev.lowrank.app;

import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Sensitivity;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// The knobs of allocators; each reads its own, and one that nobody reads is refused.
final class AllocationOptions {
    @Option(
            names = "--allocate-rounds",
            paramLabel = "N",
            description = "knapsack: times that a plan is measured on the --validation text and corrected"
                    + " (${DEFAULT-VALUE}).")
    private int rounds = AllocatorOptions.DEFAULT.rounds();

    @Option(
            names = "--allocate-by",
            paramLabel = "WHAT",
            description = "What is known of single sites: estimate (one backward pass), trial (each cut alone, measured"
                    + " on the --validation text) or spectrum. knapsack: estimate if not given, or trial; asvd: trial,"
                    + " or estimate; fermi: estimate, or spectrum.")
    private @Nullable String by;

    @Option(
            names = "--allocate-floor",
            paramLabel = "SHARE",
            description = "knapsack, zs-svd: smallest share of its cost that a site keeps, in [0, 1)"
                    + " (${DEFAULT-VALUE}).")
    private double floor = AllocatorOptions.DEFAULT.floor();

    @Option(
            names = "--allocate-trials",
            paramLabel = "N",
            description = "bolaco: candidates measured on the --validation text (${DEFAULT-VALUE}).")
    private int trials = AllocatorOptions.DEFAULT.trials();

    @Option(
            names = "--swift-alpha",
            paramLabel = "SHARE",
            description = "swift: balance between effective rank (1) and loss (0); measured on the --validation text if"
                    + " not given.")
    private @Nullable Double alpha;

    /// The knobs as given.
    AllocatorOptions options() {
        return new AllocatorOptions(
                AllocatorOptions.DEFAULT.rank(),
                AllocatorOptions.DEFAULT.energyShare(),
                rounds,
                trials,
                source(),
                floor,
                alpha == null ? AllocatorOptions.DEFAULT.alpha() : alpha);
    }

    private @Nullable Sensitivity source() {
        if (by == null) {
            return null;
        }
        var sources = Stream.of(Sensitivity.DIVERGENCE, Sensitivity.TRIAL_LOSS, Sensitivity.SPECTRUM)
                .toList();
        UsageErrors.known(by, "sources", sources.stream().map(Sensitivity::id).toList());
        return sources.stream()
                .filter(source -> source.id().equals(by))
                .findFirst()
                .orElseThrow();
    }
}
