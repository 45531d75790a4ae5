package dev.lowrank.compress;

import java.util.List;

/// What became of a site.
///
/// @param name module path in the checkpoint
/// @param form storage form
/// @param rank rank of its matrix
/// @param error relative error in the method's own metric, `√(dropped energy / energy)`: of the outputs on
///     the
///     calibration text for whitened methods, of the weight for `svd` and `tucker`, of the scaled weight
///     for `asvd`
/// @param parameters numbers stored for the weight
/// @param bytes bytes stored, index and bias included
/// @param notes fallbacks that were taken
public record SiteReport(
        String name, String form, int rank, double error, long parameters, long bytes, List<String> notes) {
    public SiteReport {
        notes = List.copyOf(notes);
    }
}
