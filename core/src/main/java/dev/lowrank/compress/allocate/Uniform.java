package dev.lowrank.compress.allocate;

import dev.lowrank.compress.storage.BlockFit;
import dev.lowrank.compress.storage.StorageForm;
import java.util.Arrays;
import java.util.Set;

/// The same share of every site's cost: `r = ⌊ρ m n / (m + n)⌋` for two factors, and the largest rank
/// within `ρ m n` numbers for the other forms, rounded down to the rank multiple. What is left over by
/// rounding is not spent, so that a site's rank depends on nothing but its shape.
///
/// Source: the rule of SVD-LLM and most others, Wang et al., arXiv:2403.07378, section 3. Deviation: a site
/// stays dense where the form would be no smaller.
record Uniform() implements BlockAllocator {
    private static final AllocatorInfo INFO =
            new AllocatorInfo("uniform", "the same share of every site", "arXiv:2403.07378", Set.of());

    @Override
    public AllocatorInfo info() {
        return INFO;
    }

    @Override
    public boolean isEven() {
        return true;
    }

    @Override
    public Allocation allocate(AllocationProblem problem) {
        var dense = problem.denseCost();
        if (problem.limit() >= dense) {
            return PerSite.dense(problem);
        }
        var share = problem.budget().share(dense);
        return PerSite.allocate(
                problem, PerSite.Rounding.DOWN, (evidence, form) -> rank(problem, evidence, form, share));
    }

    @Override
    public double[] kept(double[] influence, double removed) {
        var shares = new double[influence.length];
        Arrays.fill(shares, Math.max(0, 1 - removed));
        return shares;
    }

    @Override
    public boolean needsInfluence() {
        return false;
    }

    private static int rank(AllocationProblem problem, Evidence evidence, StorageForm form, double share) {
        var site = evidence.site();
        var unit = problem.budget().unit();
        var each = unit == CostUnit.PARAMETERS ? 1 : BlockFit.bytesPerNumber(evidence.dtype());
        var one = problem.cut(site, form, 1);
        // Index and bias: what a site costs besides the numbers of its factors.
        var fixed = unit.cost(site, evidence.dtype(), one) - each * form.parameters(site.out(), site.in(), 1);
        var extra = unit.cost(site, evidence.dtype(), Choice.dense(site)) - each * site.weightParameters();
        var amount = share * site.out() * site.in() + (share * extra - fixed) / each;
        var rank = amount < 0 ? 0 : form.rankWithin(site.out(), site.in(), amount);
        // Close to a share of 1 the index of a pivoted form can cost more than the ranks it stands for.
        var dense = PerSite.bytes(evidence, Choice.dense(site));
        if (rank < problem.rankMultiple()) {
            return rank;
        }
        rank -= rank % problem.rankMultiple();
        while (rank > problem.rankMultiple() && PerSite.bytes(evidence, problem.cut(site, form, rank)) >= dense) {
            rank -= problem.rankMultiple();
        }
        return rank;
    }
}
