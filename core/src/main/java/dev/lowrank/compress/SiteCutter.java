package dev.lowrank.compress;

import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.compress.method.Decomposition;
import dev.lowrank.compress.method.Factors;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.compress.storage.SiteWriter;
import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import org.jspecify.annotations.Nullable;

/// Cuts a decomposed site at a rank and puts it into its storage form.
///
/// @param weight F64 `[out, in]`
/// @param bias F64 `[out]`; null for none
record SiteCutter(LinearSite site, Tensor weight, @Nullable Tensor bias) {
    /// Said of a dense site whose weight is not the source's.
    static final String REFITTED = "refitted to what it sees in the compressed model";

    /// A site's outcome under one recipe.
    ///
    /// @param linear what it stores, dense `[out, in]` if it was only refitted; null if it keeps its own
    ///     weight
    /// @param report for the user
    record Outcome(@Nullable Linear linear, SiteReport report) {}

    /// Reads a site's original, in the innermost scope.
    static SiteCutter of(LinearSite site, Linear.Dense dense) {
        return new SiteCutter(
                site,
                SiteWriter.exact(dense.weight(), site.name() + ".weight"),
                dense.bias() == null ? null : SiteWriter.exact(dense.bias(), site.name() + ".bias"));
    }

    /// The same site with another weight.
    SiteCutter with(Tensor other) {
        return new SiteCutter(site, other, bias);
    }

    /// The site with its weight as it is here, which is not the checkpoint's, dense.
    Outcome refitted(DType dtype, Arena arena) {
        var linear = TensorScope.tidy(() -> SiteWriter.dense(weight, bias, dtype, arena, site.name()));
        return new Outcome(linear, kept(dtype).report().noted(REFITTED));
    }

    /// Cuts and stores.
    ///
    /// @param dtype element type to store
    /// @param arena owner of what is stored
    Outcome cut(SiteMethod method, Decomposition decomposition, Choice choice, DType dtype, Arena arena) {
        if (choice.isDense()) {
            return kept(dtype);
        }
        var plan = SitePlan.of(site, choice, dtype);
        var notes = new ArrayList<>(decomposition.notes());
        var linear = TensorScope.tidy(() -> {
            var factors = method.cut(decomposition, choice.rank());
            notes.addAll(factors.notes());
            return write(factors, decomposition.mean(), choice.form(), dtype, arena);
        });
        return new Outcome(
                linear,
                new SiteReport(
                        site.name(),
                        linear.form(),
                        choice.rank(),
                        decomposition.relativeError(choice.rank()),
                        plan.parametersAfter(),
                        linear.bytes(),
                        notes));
    }

    /// The leading components in a storage form, whatever it costs.
    Linear.Base write(
            SiteMethod method, Decomposition decomposition, int rank, StorageForm form, DType dtype, Arena arena) {
        return TensorScope.tidy(() -> write(method.cut(decomposition, rank), decomposition.mean(), form, dtype, arena));
    }

    private Linear.Base write(Factors factors, @Nullable Tensor mean, StorageForm form, DType dtype, Arena arena) {
        var stored = mean == null ? bias : SiteWriter.restoringBias(bias, weight, factors, mean);
        return SiteWriter.write(factors, form, stored, dtype, arena, site.name());
    }

    /// The site as it is.
    Outcome kept(DType dtype) {
        return kept(site, dtype);
    }

    /// A site as it is.
    static Outcome kept(LinearSite site, DType dtype) {
        return new Outcome(null, SitePlan.dense(site, dtype).report(0));
    }
}
