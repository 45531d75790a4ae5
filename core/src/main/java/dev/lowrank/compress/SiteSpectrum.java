package dev.lowrank.compress;

import java.util.Arrays;
import java.util.stream.IntStream;

/// How fast the singular values of a site fall, in its method's metric: what is dropped at some ranks.
///
/// @param site module path
/// @param ranks rising from 0 to the number of components. Read only
/// @param tails `√(dropped energy / energy)` at these ranks, from 1 to 0. Read only
public record SiteSpectrum(String site, int[] ranks, double[] tails) {
    /// Ranks of a spectrum: as many as a small plot can show.
    private static final int POINTS = 33;

    /// The spectrum of singular values.
    ///
    /// @param singular descending
    static SiteSpectrum of(String site, double[] singular) {
        var tail = new double[singular.length + 1];
        for (var i = singular.length - 1; i >= 0; i--) {
            tail[i] = tail[i + 1] + singular[i] * singular[i];
        }
        var ranks = IntStream.range(0, POINTS)
                .map(i -> (int) Math.round((double) i * singular.length / (POINTS - 1)))
                .distinct()
                .toArray();
        var tails = Arrays.stream(ranks)
                .mapToDouble(rank -> tail[0] > 0 ? Math.sqrt(tail[rank] / tail[0]) : 0)
                .toArray();
        return new SiteSpectrum(site, ranks, tails);
    }
}
