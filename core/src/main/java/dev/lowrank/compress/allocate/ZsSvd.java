package dev.lowrank.compress.allocate;

import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Set;

/// Drops components globally so that their first-order loss changes cancel.
///
/// Dropping component `i` of a whitened site changes the loss by `Δ_i = -σ_i u_iᵀ H v_i` with `H = (∂L/∂W)
/// L^{-T}` in first order. Inside a site only the smallest remaining component may go. Of the candidates,
/// those with positive and those with negative `Δ` wait in two queues with the smallest `|Δ|` first; always
/// the queue goes next that pulls the running sum of changes towards zero, until the budget is met. A site
/// whose form would not be smaller than its matrix is dense again.
///
/// Source: Zero-Sum SVD, arXiv:2602.02848, and its code. Deviations: the cost is that of the storage form
/// in use, so that the pivoted form saves from the first component on; ranks are rounded up to the rank
/// multiple; one stage, without the published correction between stages. As published, drops inside a site
/// that ends up dense still count in the running sum.
///
/// @param floor smallest share of a site's dense cost that it keeps, in [0, 1); the paper takes 0.3 to
///     remove 60 %
record ZsSvd(double floor) implements Allocator {
    private static final AllocatorInfo INFO = new AllocatorInfo(
            "zs-svd",
            "global queue of first-order loss changes that sum to zero",
            "arXiv:2602.02848",
            Set.of(Sensitivity.FIRST_ORDER));

    ZsSvd {
        if (!(floor >= 0 && floor < 1)) {
            throw new IllegalArgumentException("ZS-SVD's floor is a share in [0, 1), but was " + floor);
        }
    }

    @Override
    public List<String> options() {
        return List.of("--allocate", INFO.id(), "--allocate-floor", Double.toString(floor));
    }

    @Override
    public AllocatorInfo info() {
        return INFO;
    }

    @Override
    public Allocation allocate(AllocationProblem problem) {
        problem.require(INFO.id(), INFO.needs());
        var ladders = Ladders.of(problem);
        return ladders.allocation(new Dropping(ladders, floor).run());
    }

    /// The smallest remaining component of a site.
    private record Candidate(int site, double change) {}

    /// One run over the queues.
    private static final class Dropping {
        private static final Comparator<Candidate> SMALLEST = Comparator.comparingDouble(
                        (Candidate candidate) -> Math.abs(candidate.change))
                .thenComparingInt(Candidate::site);

        private final Ladders ladders;
        private final int[] ranks;
        private final int[] lowest;
        private final PriorityQueue<Candidate> rising = new PriorityQueue<>(SMALLEST);
        private final PriorityQueue<Candidate> falling = new PriorityQueue<>(SMALLEST);

        private Dropping(Ladders ladders, double floor) {
            this.ladders = ladders;
            ranks = new int[ladders.sites()];
            lowest = new int[ladders.sites()];
            for (var i = 0; i < ranks.length; i++) {
                var ladder = ladders.get(i);
                ranks[i] = ladder.evidence().components();
                lowest[i] = ladder.rank(ladder.atLeast(floor * ladder.denseCost()));
                offer(i);
            }
        }

        private void offer(int site) {
            if (ranks[site] > lowest[site]) {
                var change = ladders.get(site).evidence().firstOrder()[ranks[site] - 1];
                (change < 0 ? falling : rising).add(new Candidate(site, change));
            }
        }

        private int[] run() {
            var rungs = ladders.dense();
            var cost = ladders.cost(rungs);
            var sum = 0.0;
            while (cost > ladders.limit()) {
                var next = next(sum);
                var ladder = ladders.get(next.site);
                sum += next.change;
                ranks[next.site]--;
                offer(next.site);
                var rung = ladder.holding(ranks[next.site]);
                cost += ladder.cost(rung) - ladder.cost(rungs[next.site]);
                rungs[next.site] = rung;
            }
            return rungs;
        }

        private Candidate next(double sum) {
            var first = sum > 0 ? falling : rising;
            var next = first.isEmpty() ? (sum > 0 ? rising : falling).poll() : first.poll();
            if (next == null) {
                throw new IllegalArgumentException("The budget of " + ladders.limit() + " "
                        + ladders.problem().budget().unit().id() + " is below what ZS-SVD's floors leave; keep more, "
                        + "lower the floor, or choose another allocator");
            }
            return next;
        }
    }
}
