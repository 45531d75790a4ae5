package dev.lowrank.compress;

import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.SparseRows;
import dev.lowrank.tensor.DType;
import java.util.List;

/// What a site will store, and what that costs.
///
/// @param site which
/// @param form its storage form, [#NARROWED] or [#REMOVED]
/// @param rank rank of its matrix
/// @param dtype element type stored
/// @param parametersAfter numbers stored, without index and the bias that the site had; what sites share
///     counts at the first of them
/// @param gained numbers among these of a bias that the site did not have
/// @param weightBytes bytes stored for these numbers, places included
public record SitePlan(
        LinearSite site, String form, int rank, DType dtype, long parametersAfter, int gained, long weightBytes) {
    /// A plain matrix with fewer rows or columns.
    public static final String NARROWED = "narrowed";

    /// A site whose block is gone.
    public static final String REMOVED = "removed";

    /// From an allocator's choice.
    static SitePlan of(LinearSite site, Choice choice, DType dtype) {
        var form = choice.form();
        return new SitePlan(
                site,
                form.id(),
                choice.rank(),
                dtype,
                CostUnit.PARAMETERS.cost(site, dtype, choice),
                choice.biasGained() ? site.out() : 0,
                CostUnit.BYTES.cost(site, dtype, choice));
    }

    /// With single entries beside it.
    ///
    /// @param count how many
    /// @param values their element type
    SitePlan with(int count, DType values) {
        var bytes = weightBytes + SparseRows.bytes(site.out(), site.in(), count, values);
        return new SitePlan(site, form, rank, dtype, parametersAfter + count, gained, bytes);
    }

    /// A site that is not compressed.
    static SitePlan dense(LinearSite site, DType dtype) {
        return of(site, Choice.dense(site), dtype);
    }

    /// A site that becomes narrower, or stays as it is if it does not.
    ///
    /// @param narrow the same site in the model that is written
    static SitePlan narrowed(LinearSite site, LinearSite narrow, DType dtype) {
        var dense = dense(narrow, dtype);
        var form = narrow.weightParameters() < site.weightParameters() ? NARROWED : dense.form();
        return new SitePlan(site, form, dense.rank(), dtype, dense.parametersAfter(), 0, dense.weightBytes());
    }

    /// A site whose block goes.
    static SitePlan removed(LinearSite site, DType dtype) {
        return new SitePlan(site, REMOVED, 0, dtype, 0, 0, 0);
    }

    /// Two factors, of which the right one may be counted elsewhere.
    ///
    /// @param owner whether it counts here
    static SitePlan shared(LinearSite site, int rank, boolean owner, DType dtype) {
        var numbers = (long) rank * (owner ? site.out() + site.in() : site.out());
        return new SitePlan(site, StorageForm.FACTORED.id(), rank, dtype, numbers, 0, numbers * dtype.bytes());
    }

    /// Numbers that a token is multiplied with, wherever they are stored.
    public long multiplied() {
        var shared = form.equals(StorageForm.FACTORED.id());
        return shared ? (long) rank * (site.out() + site.in()) : parametersAfter - gained;
    }

    /// Numbers of the original weight.
    public long parametersBefore() {
        return site.weightParameters();
    }

    /// The rank at which the two-factor form would cost as much as the matrix.
    public int breakEven() {
        return StorageForm.FACTORED.breakEven(site.out(), site.in());
    }

    /// Whether the site stays as it is.
    public boolean keptDense() {
        return form.equals(StorageForm.DENSE.id());
    }

    /// The report of a site that does as planned and stores no bias.
    ///
    /// @param error relative error in the method's own metric
    SiteReport report(double error) {
        return new SiteReport(site.name(), form, rank, error, parametersAfter, weightBytes, List.of());
    }
}
