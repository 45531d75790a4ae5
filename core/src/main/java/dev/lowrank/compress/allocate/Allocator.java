package dev.lowrank.compress.allocate;

import java.util.List;

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

    /// Whether it spends the problem's budget; if not, it fixes ranks by itself and takes a budget only as
    /// a check.
    default boolean spends() {
        return true;
    }

    /// Whether it can choose the type of every site together with its rank.
    default boolean choosesTypes() {
        return false;
    }

    /// Whether it is nothing but the same share for everything, so that a method with a rule of its own can
    /// stand in its place.
    default boolean isEven() {
        return false;
    }

    /// The options of the command line that ask for it as it is, knobs included.
    default List<String> options() {
        return List.of("--allocate", info().id());
    }

    /// Chooses form and rank of every site.
    ///
    /// @return a choice for every site; its cost is within the budget
    /// @throws IllegalArgumentException if the budget is below what the sites cost at their smallest rank,
    ///     or evidence that the allocator needs is missing; the message names the amount or the site
    /// @throws dev.lowrank.tensor.NumericalException if a trial's loss is not finite
    Allocation allocate(AllocationProblem problem);
}
