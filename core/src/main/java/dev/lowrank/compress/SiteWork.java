package dev.lowrank.compress;

import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.Compute;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ObjIntConsumer;
import java.util.stream.IntStream;

/// Work on the sites of one block, which do not depend on each other: side by side, each on one core,
/// unless a site is so large that two would not fit into memory together.
///
/// Work that overlaps takes less wall clock than the sum of its parts; [#wallShare] says how much less.
final class SiteWork {
    /// Largest weight, in numbers, that is worked on beside another: a decomposition holds about six F64
    /// copies.
    static final long SIDE_BY_SIDE = 8_000_000;

    private final double wallShare;

    private SiteWork(double wallShare) {
        this.wallShare = wallShare;
    }

    /// Does something with every site.
    ///
    /// @param work gets a site and its number
    static SiteWork each(List<LinearSite> sites, ObjIntConsumer<LinearSite> work) {
        var busy = new LongAdder();
        var start = System.nanoTime();
        var small = sites.stream().allMatch(site -> site.weightParameters() <= SIDE_BY_SIDE);
        var timed = (ObjIntConsumer<LinearSite>) (site, i) -> {
            var begin = System.nanoTime();
            work.accept(site, i);
            busy.add(System.nanoTime() - begin);
        };
        if (small) {
            Compute.each(sites.size(), i -> timed.accept(sites.get(i), i));
        } else {
            IntStream.range(0, sites.size()).forEach(i -> timed.accept(sites.get(i), i));
        }
        return new SiteWork((double) (System.nanoTime() - start) / Math.max(1, busy.sum()));
    }

    /// Wall clock ÷ the time that the sites took, each counted alone.
    double wallShare() {
        return wallShare;
    }
}
