package dev.lowrank.compress.quantize;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// What rounding all sites of a model to blocks came to.
///
/// @param parts how many parts are stored in each type
/// @param cutError relative error of the cuts alone, over all sites
/// @param jointError relative error of cuts, rounding and outliers
/// @param weighed whether errors are weighed by the second moments of the inputs
/// @param feedback sites whose rounding errors were passed on
/// @param outliers single entries that are stored in plain numbers
public record RoundingTotals(
        Map<String, Integer> parts, double cutError, double jointError, boolean weighed, int feedback, long outliers) {
    /// Sums up.
    ///
    /// @return null of no site
    public static @Nullable RoundingTotals of(List<RoundingReport> sites) {
        if (sites.isEmpty()) {
            return null;
        }
        var parts = new TreeMap<String, Integer>();
        var energy = 0.0;
        var cut = 0.0;
        var joint = 0.0;
        for (var site : sites) {
            site.types().values().forEach(type -> parts.merge(type, 1, Integer::sum));
            energy += site.energy();
            cut += site.cut();
            joint += site.joint();
        }
        return new RoundingTotals(
                Collections.unmodifiableMap(parts),
                energy == 0 ? 0 : Math.sqrt(cut / energy),
                energy == 0 ? 0 : Math.sqrt(joint / energy),
                sites.stream().allMatch(RoundingReport::weighed),
                (int) sites.stream().filter(RoundingReport::feedback).count(),
                sites.stream().mapToLong(RoundingReport::outliers).sum());
    }
}
