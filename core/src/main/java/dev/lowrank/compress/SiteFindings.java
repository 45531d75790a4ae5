package dev.lowrank.compress;

import dev.lowrank.compress.allocate.AllocationProblem;
import dev.lowrank.compress.allocate.Allocator;
import dev.lowrank.compress.allocate.BudgetCurves;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What a run knew of its sites when it chose ranks, kept for whoever reports on it.
///
/// @param spectra of every target, in execution order; empty where ranks were known before anything was
///     measured
/// @param curves what ranks were chosen by; null where that is no divergence curve
public record SiteFindings(
        List<SiteSpectrum> spectra, @Nullable BudgetCurves curves) {
    /// Nothing was measured.
    static final SiteFindings NONE = new SiteFindings(List.of(), null);

    public SiteFindings {
        spectra = List.copyOf(spectra);
    }

    static SiteFindings of(Allocator allocator, AllocationProblem problem) {
        var spectra = problem.evidence().stream()
                .map(one -> SiteSpectrum.of(one.site().name(), one.singular()))
                .toList();
        return new SiteFindings(spectra, BudgetCurves.of(allocator, problem));
    }
}
