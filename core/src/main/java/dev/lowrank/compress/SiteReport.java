package dev.lowrank.compress;

import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// What became of a site.
///
/// @param name module path in the checkpoint
/// @param form storage form
/// @param rank rank of its matrix
/// @param error relative error in the method's own metric, `√(dropped energy / energy)`: of the outputs on
///     the
///     calibration text for whitened methods, of the weight for `svd` and `tucker`, of the scaled weight
///     for `asvd`
/// @param parameters numbers stored for the weight, and for a bias that the site did not have
/// @param bytes bytes stored, index and bias included
/// @param notes fallbacks that were taken, and what the allocator says of the site
public record SiteReport(
        String name, String form, int rank, double error, long parameters, long bytes, List<String> notes) {
    public SiteReport {
        notes = List.copyOf(notes);
    }

    /// With what an allocator says of the site.
    ///
    /// @param mark null for nothing
    SiteReport marked(@Nullable String mark) {
        return mark == null
                ? this
                : new SiteReport(
                        name,
                        form,
                        rank,
                        error,
                        parameters,
                        bytes,
                        Stream.concat(notes.stream(), Stream.of(mark)).toList());
    }
}
