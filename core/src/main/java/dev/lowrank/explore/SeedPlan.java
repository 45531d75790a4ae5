package dev.lowrank.explore;

import dev.lowrank.compress.Candidates;
import dev.lowrank.compress.allocate.Allocation;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// What allocators make of budgets: where a search begins, and what its front is held against.
///
/// @param allocator which
/// @param keep share of the sites' dense bytes
/// @param allocation the plan
public record SeedPlan(String allocator, double keep, Allocation allocation) {
    /// The shares that a search begins with.
    public static final List<Double> SHARES = List.of(0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3);

    /// Plans of several allocators at several shares of the sites' dense bytes. A share that an allocator
    /// cannot spend, because the lowest ranks cost more, is left out.
    ///
    /// @param allocators of [Allocators], which need nothing that the candidates do not measure
    public static List<SeedPlan> of(Candidates candidates, List<String> allocators, List<Double> shares) {
        var plans = new ArrayList<SeedPlan>();
        for (var keep : shares) {
            for (var id : allocators) {
                var budget = new Budget.Share(CostUnit.BYTES, KeepRatio.keep(keep));
                spend(candidates, id, budget).ifPresent(plan -> plans.add(new SeedPlan(id, keep, plan)));
            }
        }
        return plans;
    }

    /// The plan of an allocator for a budget; empty where it cannot spend so little.
    ///
    /// @param id of an allocator which needs nothing that the candidates do not measure
    public static Optional<Allocation> spend(Candidates candidates, String id, Budget budget) {
        try {
            return Optional.of(Allocators.of(id, AllocatorOptions.DEFAULT).allocate(candidates.problem(budget)));
        } catch (IllegalArgumentException tooSmall) {
            return Optional.empty();
        }
    }
}
