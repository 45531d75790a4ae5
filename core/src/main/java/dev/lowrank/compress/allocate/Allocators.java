package dev.lowrank.compress.allocate;

import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/// The visible list of allocators. Adding one means adding a file and a line here.
public final class Allocators {
    private static final List<Function<AllocatorOptions, Allocator>> ALL = List.of(
            options -> Knapsack.of(Knapsack.STEP, options.rounds())
                    .withFloor(options.floor())
                    .withSource(options.sourceOr(Sensitivity.DIVERGENCE)),
            options -> new Uniform(),
            options -> new Explicit(options.rank()),
            options -> new Energy(options.energyShare()),
            options -> new AsvdSearch(options.sourceOr(Sensitivity.TRIAL_LOSS)),
            options -> new WeLore(0),
            options -> new Bolaco(options.trials(), 4),
            options -> new ZsSvd(options.floor()),
            options -> new Swift(options.alpha(), 0.5),
            options -> FermiGrad.of(options.sourceOr(Sensitivity.DIVERGENCE)),
            options -> new BlockInfluence(0.1, 0.95));

    private Allocators() {}

    /// All allocators with their defaults.
    public static List<Allocator> all() {
        return ALL.stream().map(make -> make.apply(AllocatorOptions.DEFAULT)).toList();
    }

    /// Ids of all allocators, in the order of the list.
    public static List<String> ids() {
        return all().stream().map(allocator -> allocator.info().id()).toList();
    }

    /// Names of what can spend a budget: the allocators of the list that do, each also refined.
    public static List<String> spenders() {
        var ids = all().stream()
                .filter(Allocator::spends)
                .map(allocator -> allocator.info().id())
                .toList();
        return Stream.concat(
                        ids.stream(),
                        ids.stream().filter(id -> !id.equals(FermiGrad.ID)).map(id -> id + Refined.SUFFIX))
                .toList();
    }

    /// An allocator by its id, or `ID+fermi` for its plan refined by FermiGrad.
    ///
    /// @throws IllegalArgumentException naming the known ids
    public static Allocator of(String id, AllocatorOptions options) {
        if (id.endsWith(Refined.SUFFIX)) {
            var first = id.substring(0, id.length() - Refined.SUFFIX.length());
            return new Refined(of(first, options), FermiGrad.of(Sensitivity.DIVERGENCE));
        }
        var index = ids().indexOf(id);
        if (index >= 0) {
            return ALL.get(index).apply(options); // alone: options may be of no use to the others
        }
        throw new IllegalArgumentException(
                "Unknown allocator '" + id + "'; known allocators: " + String.join(", ", ids()));
    }
}
