package dev.lowrank.compress;

import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.DType;

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
        var best = new SitePlan(site, StorageForm.DENSE, Math.min(site.in(), site.out()), dtype);
        var smallest = best.weightBytes();
        var found = false;
        for (var form : recipe.storage().forms()) {
            var free = recipe.ranks().rank(site.out(), site.in(), form, singular);
            var rank = free - free % recipe.rankMultiple();
            if (rank < 1) {
                throw new IllegalArgumentException(
                        "The budget leaves " + site.name() + " [" + site.out() + ", " + site.in()
                                + "] a rank of " + free + ", less than " + recipe.rankMultiple()
                                + "; keep more, or leave the role out of --targets");
            }
            var plan = new SitePlan(site, form, rank, dtype);
            var better =
                    !found || rank > best.rank() || (rank == best.rank() && plan.weightBytes() < best.weightBytes());
            if (plan.weightBytes() < smallest && better) {
                best = plan;
                found = true;
            }
        }
        return best;
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
