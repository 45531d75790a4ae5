package dev.lowrank.compress.allocate;

import java.util.List;
import java.util.Set;

/// The same rank everywhere, capped where a matrix is smaller; sites where that saves nothing stay dense.
/// It takes a budget only as a check.
///
/// Source: the rule of LoRD's tables, Kaushal et al., arXiv:2309.14021, and of Tucker sweeps,
/// arXiv:2405.06626.
///
/// @param rank at least 1
record Explicit(int rank) implements Allocator {
    private static final AllocatorInfo INFO =
            new AllocatorInfo("rank", "the same rank everywhere", "arXiv:2309.14021", Set.of());

    Explicit {
        if (rank < 1) {
            throw new IllegalArgumentException("--rank must be at least 1, but was " + rank);
        }
    }

    @Override
    public AllocatorInfo info() {
        return INFO;
    }

    @Override
    public boolean spends() {
        return false;
    }

    @Override
    public List<String> options() {
        return List.of("--rank", Integer.toString(rank));
    }

    @Override
    public Allocation allocate(AllocationProblem problem) {
        return PerSite.allocate(
                problem,
                PerSite.Rounding.DOWN,
                (evidence, _) -> Math.min(
                        rank, Math.min(evidence.site().out(), evidence.site().in())));
    }
}
