package dev.lowrank.compress;

import dev.lowrank.compress.quantize.RoundingReport;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// What became of a site.
///
/// @param name module path in the checkpoint
/// @param form storage form
/// @param rank rank of its matrix
/// @param error relative error in the method's own metric, `√(dropped energy / energy)`: of the outputs on
///     the calibration text for whitened methods, of the weight for `svd` and `tucker`, of the scaled
///     weight for `asvd`
/// @param parameters numbers stored for the weight, and for a bias that the site did not have
/// @param bytes bytes stored, index and bias included
/// @param notes fallbacks that were taken, and whether a site that stays dense has another weight
/// @param mark what the allocator says of the site, no cause for worry; null for nothing
/// @param rounding what rounding to blocks and outliers came to; null where the site is stored in plain
///     numbers without any
public record SiteReport(
        String name,
        String form,
        int rank,
        double error,
        long parameters,
        long bytes,
        List<String> notes,
        @Nullable String mark,
        @Nullable RoundingReport rounding) {
    public SiteReport {
        notes = List.copyOf(notes);
    }

    /// A site that no allocator has marked.
    SiteReport(String name, String form, int rank, double error, long parameters, long bytes, List<String> notes) {
        this(name, form, rank, error, parameters, bytes, notes, null, null);
    }

    /// With one more note.
    SiteReport noted(String note) {
        var all = Stream.concat(notes.stream(), Stream.of(note)).toList();
        return new SiteReport(name, form, rank, error, parameters, bytes, all, mark, rounding);
    }

    /// Without some notes.
    SiteReport without(List<String> said) {
        var others = notes.stream().filter(note -> !said.contains(note)).toList();
        return new SiteReport(name, form, rank, error, parameters, bytes, others, mark, rounding);
    }

    /// With what an allocator says of the site.
    ///
    /// @param said null for nothing
    SiteReport marked(@Nullable String said) {
        return new SiteReport(name, form, rank, error, parameters, bytes, notes, said, rounding);
    }

    /// Stored in blocks or with outliers.
    ///
    /// @param stored bytes, index and bias included
    /// @param said fallbacks that rounding took
    SiteReport rounded(RoundingReport report, long stored, List<String> said) {
        var all = Stream.concat(notes.stream(), said.stream()).toList();
        return new SiteReport(name, form, rank, error, parameters + report.outliers(), stored, all, mark, report);
    }
}
