package dev.lowrank.compress;

import dev.lowrank.compress.allocate.RankRule;
import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.DType;
import java.util.Comparator;

/// What a site will store, and what that costs.
///
/// @param site which
/// @param form its storage form
/// @param rank rank of its matrix
/// @param dtype element type stored
public record SitePlan(LinearSite site, StorageForm form, int rank, DType dtype) {
    /// Chooses form and rank of a target site: of the forms that the policy allows, the one that carries
    /// the highest rank, then the fewest bytes; dense where no form would be smaller than the matrix.
    ///
    /// @param singular singular values in the method's metric, for rules that read them
    /// @throws IllegalArgumentException if the budget leaves no rank at all
    static SitePlan choose(LinearSite site, CompressionRecipe recipe, DType dtype, double[] singular) {
        var dense = dense(site, dtype);
        if (recipe.ranks() instanceof RankRule.Uniform(var keep) && keep.kept() == 1) {
            return dense; // the matrix itself fits the budget and loses nothing
        }
        return recipe.storage().forms().stream()
                .map(form -> within(site, recipe, dtype, form, singular))
                .filter(plan -> plan.weightBytes() < dense.weightBytes())
                .max(Comparator.comparingInt(SitePlan::rank)
                        .thenComparing(
                                Comparator.comparingLong(SitePlan::weightBytes).reversed()))
                .orElse(dense);
    }

    private static SitePlan within(
            LinearSite site, CompressionRecipe recipe, DType dtype, StorageForm form, double[] singular) {
        var free = recipe.ranks().rank(site.out(), site.in(), form, singular);
        var multiple = recipe.rankMultiple();
        var plan = new SitePlan(site, form, free - free % multiple, dtype);
        if (plan.rank() < 1) {
            throw new IllegalArgumentException("The budget leaves " + site.name() + " [" + site.out() + ", " + site.in()
                    + "] a rank of " + free + ", less than " + multiple
                    + "; keep more, or leave the role out of --targets");
        }
        // Close to a share of 1 the index of a pivoted form can cost more than the ranks it stands for.
        var dense = dense(site, dtype).weightBytes();
        while (recipe.ranks() instanceof RankRule.Uniform && plan.weightBytes() >= dense && plan.rank() > multiple) {
            plan = new SitePlan(site, form, plan.rank() - multiple, dtype);
        }
        return plan;
    }

    /// A site that is not compressed.
    static SitePlan dense(LinearSite site, DType dtype) {
        return new SitePlan(site, StorageForm.DENSE, Math.min(site.in(), site.out()), dtype);
    }

    /// Numbers of the original weight.
    public long parametersBefore() {
        return site.weightParameters();
    }

    /// Numbers stored, without bias and index.
    public long parametersAfter() {
        return form.parameters(site.out(), site.in(), rank);
    }

    /// Bytes stored for the weight, index included.
    public long weightBytes() {
        return form.bytes(site.out(), site.in(), rank, dtype.bytes());
    }

    /// The rank at which the two-factor form would cost as much as the matrix.
    public int breakEven() {
        return StorageForm.FACTORED.breakEven(site.out(), site.in());
    }

    /// Whether the policy could not make the site smaller.
    public boolean keptDense() {
        return form == StorageForm.DENSE;
    }
}
