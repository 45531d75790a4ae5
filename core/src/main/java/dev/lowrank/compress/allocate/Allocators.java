package dev.lowrank.compress.allocate;

import java.util.List;
import java.util.function.Function;

/// The visible list of allocators. Adding one means adding a file and a line here.
public final class Allocators {
    private static final List<Function<AllocatorOptions, Allocator>> ALL = List.of(
            options -> Knapsack.of(options.step(), options.rounds()).withFloor(options.floor()),
            options -> new Uniform(),
            options -> new Explicit(options.rank()),
            options -> new Energy(options.energyShare()),
            options -> new AsvdSearch(options.searchBy()),
            options -> new WeLore(0),
            options -> new Bolaco(options.trials(), 4),
            options -> new ZsSvd(options.floor()),
            options -> new Swift(options.alpha(), 0.5),
            options -> FermiGrad.DEFAULT,
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

    /// An allocator by its id.
    ///
    /// @throws IllegalArgumentException naming the known ids
    public static Allocator of(String id, AllocatorOptions options) {
        return ALL.stream()
                .map(make -> make.apply(options))
                .filter(allocator -> allocator.info().id().equals(id))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "Unknown allocator '" + id + "'; known allocators: " + String.join(", ", ids())));
    }
}
