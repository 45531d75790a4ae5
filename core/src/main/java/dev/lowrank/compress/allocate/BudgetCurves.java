package dev.lowrank.compress.allocate;

import dev.lowrank.compress.storage.StorageForm;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// All that the knapsack decides by, so that somebody else can spend another budget as it would: the
/// ladders of the sites follow from shapes and forms, the losses on them from the curves.
///
/// @param unit what a budget counts
/// @param rankMultiple every rank of a cut site is a multiple of this
/// @param step ranks between two options of the first pass, before it is rounded up to a multiple of the
///     rank
///     multiple; no such pass where that is the rank multiple itself
/// @param floor smallest share of its dense cost that a site keeps
/// @param forms ids of the forms that a cut site may have, in the order in which ties are decided
/// @param sites in execution order
public record BudgetCurves(
        CostUnit unit, int rankMultiple, int step, double floor, List<String> forms, List<Site> sites) {
    public BudgetCurves {
        forms = List.copyOf(forms);
        sites = List.copyOf(sites);
    }

    /// A target site.
    ///
    /// @param name module path
    /// @param layer block index
    /// @param role short name of its role
    /// @param out outputs
    /// @param in inputs
    /// @param elementBytes bytes of a number that it stores
    /// @param bias whether it has a bias of its own
    /// @param gains whether it gains one by being cut
    /// @param losses `[k + 1]`, estimated KL divergence at the logits, nats per token, at rank 0 to `k`;
    ///     never
    ///     rising. Read only
    public record Site(
            String name,
            int layer,
            String role,
            int out,
            int in,
            int elementBytes,
            boolean bias,
            boolean gains,
            double[] losses) {}

    /// What an allocator decides by.
    ///
    /// @return null if it is not the knapsack over estimated curves alone, or a bound that is met by it, or
    ///     if it spends on quantised blocks, whose bytes are no multiple of their numbers, or chooses types
    public static @Nullable BudgetCurves of(Allocator allocator, AllocationProblem problem) {
        var spender = spender(allocator);
        if (!(spender instanceof Knapsack knapsack)
                || knapsack.rounds() > 0
                || knapsack.source() != Sensitivity.DIVERGENCE
                || problem.rankFloor() != 1
                || problem.bits() != null
                || problem.evidence().stream().anyMatch(one -> one.dtype().isBlocks())
                || !problem.evidence().stream().allMatch(one -> one.has(Sensitivity.DIVERGENCE))) {
            return null;
        }
        return new BudgetCurves(
                problem.budget().unit(),
                problem.rankMultiple(),
                knapsack.step(),
                knapsack.floor(),
                problem.storage().forms().stream().map(StorageForm::id).toList(),
                problem.evidence().stream().map(one -> site(one, problem)).toList());
    }

    /// The allocator that spends: that within a bound, else the allocator itself.
    public static Allocator spender(Allocator allocator) {
        return allocator instanceof WithinBound within ? within.inner() : allocator;
    }

    private static Site site(Evidence evidence, AllocationProblem problem) {
        var site = evidence.site();
        return new Site(
                site.name(),
                site.layer(),
                site.role().id(),
                site.out(),
                site.in(),
                evidence.dtype().bytes(),
                site.bias(),
                problem.biased() && !site.bias(),
                Curves.falling(evidence.divergence()));
    }
}
