package dev.lowrank.compress.allocate;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;

/// ASVD's sensitivity-based truncation rank search: each site is truncated alone to each of a few ratios,
/// and one bound on the loss is searched that all sites may reach.
///
/// Every (site, ratio) is sorted by its loss; the shortest prefix of that list that meets the budget is
/// found by binary search, and each site takes the smallest ratio in the prefix, or stays dense. The last
/// site of the prefix then takes the highest rank that still fits.
///
/// Source: Yuan et al., ASVD, arXiv:2312.05821, section 3.3. Deviations: the published code applies the
/// last midpoint of its search instead of its result, which can miss the budget by one entry; a loss that
/// is not finite is an error here, never a guess; ratios go on below 0.4 where the budget asks for it;
/// the last site is filled up. With losses from divergence curves no model has to be run.
///
/// @param source [Sensitivity#TRIAL_LOSS], one trial for each site and ratio, or [Sensitivity#DIVERGENCE]
record AsvdSearch(Sensitivity source) implements Allocator {
    /// As published, and those that go on below.
    private static final double[] RATIOS = {0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01};

    private static final int PUBLISHED = 6;

    AsvdSearch {
        if (source != Sensitivity.TRIAL_LOSS && source != Sensitivity.DIVERGENCE) {
            throw new IllegalArgumentException("ASVD's search goes by trial or estimate, not by " + source.id());
        }
    }

    @Override
    public AllocatorInfo info() {
        return new AllocatorInfo(
                "asvd", "one loss bound for every site cut alone", "arXiv:2312.05821", EnumSet.of(source));
    }

    @Override
    public List<String> options() {
        return List.of("--allocate", info().id(), "--allocate-by", source.id());
    }

    /// A site cut to a rung, alone.
    private record Entry(int site, int rung, double loss) {}

    @Override
    public long trials(int sites) {
        return source == Sensitivity.TRIAL_LOSS ? (long) PUBLISHED * sites : 0;
    }

    @Override
    public Allocation allocate(AllocationProblem problem) {
        problem.require("asvd", info().needs());
        var ladders = Ladders.of(problem);
        if (ladders.affordDense()) {
            return ladders.allocation(ladders.dense());
        }
        var entries = entries(ladders);
        entries.sort(Comparator.comparingDouble(Entry::loss)
                .thenComparingInt(Entry::site)
                .thenComparing(Comparator.comparingInt(Entry::rung).reversed()));
        var low = 0; // too dear
        var high = entries.size(); // fits: the ratios were chosen so
        while (high - low > 1) {
            var middle = (low + high) >>> 1;
            if (ladders.cost(prefix(ladders, entries, middle)) <= ladders.limit()) {
                high = middle;
            } else {
                low = middle;
            }
        }
        var fits = prefix(ladders, entries, high);
        return ladders.allocation(ladders.between(fits, prefix(ladders, entries, high - 1)))
                .withNotes(List.of(
                        "loss bound " + entries.get(high - 1).loss + " of " + entries.size() + " measured cuts"));
    }

    private List<Entry> entries(Ladders ladders) {
        var entries = new ArrayList<Entry>();
        var ratios = ratios(ladders);
        for (var site = 0; site < ladders.sites(); site++) {
            var ladder = ladders.get(site);
            var previous = ladder.dense();
            for (var r = 0; r < ratios; r++) {
                var rung = ladder.within(RATIOS[r] * ladder.denseCost());
                if (rung < previous) {
                    entries.add(new Entry(site, rung, loss(ladders, site, rung)));
                    previous = rung;
                }
            }
        }
        return entries;
    }

    /// How many ratios are tried: the published ones, and as many below as the budget needs.
    private static int ratios(Ladders ladders) {
        for (var count = PUBLISHED; count <= RATIOS.length; count++) {
            var rungs = new int[ladders.sites()];
            for (var i = 0; i < rungs.length; i++) {
                rungs[i] =
                        ladders.get(i).within(RATIOS[count - 1] * ladders.get(i).denseCost());
            }
            if (ladders.cost(rungs) <= ladders.limit()) {
                return count;
            }
        }
        throw new IllegalArgumentException("The budget of " + ladders.limit() + " "
                + ladders.problem().budget().unit().id() + " is below the share of " + RATIOS[RATIOS.length - 1]
                + " that ASVD's search goes down to; keep more, or choose another allocator");
    }

    private double loss(Ladders ladders, int site, int rung) {
        if (source == Sensitivity.DIVERGENCE) {
            var ladder = ladders.get(site);
            return ladder.evidence().divergence()[ladder.rank(rung)];
        }
        var alone = ladders.dense();
        alone[site] = rung;
        return ladders.problem().trialLoss(ladders.candidate(alone));
    }

    private static int[] prefix(Ladders ladders, List<Entry> entries, int length) {
        var rungs = ladders.dense();
        for (var entry : entries.subList(0, length)) {
            rungs[entry.site] = Math.min(rungs[entry.site], entry.rung);
        }
        return rungs;
    }
}
