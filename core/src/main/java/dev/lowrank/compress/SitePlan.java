package dev.lowrank.compress;

import dev.lowrank.compress.allocate.Choice;
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
    /// From an allocator's choice.
    static SitePlan of(LinearSite site, Choice choice, DType dtype) {
        return new SitePlan(site, choice.form(), choice.rank(), dtype);
    }

    /// A site that is not compressed.
    static SitePlan dense(LinearSite site, DType dtype) {
        return of(site, Choice.dense(site), dtype);
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

    /// Whether the site stays as it is.
    public boolean keptDense() {
        return form == StorageForm.DENSE;
    }
}
