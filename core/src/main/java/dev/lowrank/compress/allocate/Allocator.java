package dev.lowrank.compress.allocate;

/// A rule that spends a budget on sites. Adding one means adding a file and a line in [Allocators].
///
/// Implementations are deterministic: the same problem gives the same allocation.
public interface Allocator {
    /// Its catalogue entry, with what it needs under its present options.
    AllocatorInfo info();

    /// About how many candidates it measures, each a pass of the validation text through the model.
    ///
    /// @param sites that it spends a budget on
    default long trials(int sites) {
        return 0;
    }

    /// Chooses form and rank of every site.
    ///
    /// @return a choice for every site; its cost is within the budget
    /// @throws IllegalArgumentException if the budget is below what the sites cost at their smallest rank,
    ///     or evidence that the allocator needs is missing; the message names the amount or the site
    /// @throws dev.lowrank.tensor.NumericalException if a trial's loss is not finite
    Allocation allocate(AllocationProblem problem);
}
