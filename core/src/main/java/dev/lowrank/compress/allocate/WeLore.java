package dev.lowrank.compress.allocate;

import dev.lowrank.model.LinearSite;
import java.util.LinkedHashMap;
import java.util.Set;

/// One threshold on normalised singular values for all sites.
///
/// `σ̃_i = (σ_i - σ_min) / (σ_max - σ_min)`; a site keeps the components with `σ̃_i ≥ τ`, and `τ` is found
/// by bisection to meet the budget. Sites that end up factored are marked `LRC` (low-rank component, to be
/// tuned afterwards), sites that stay dense `N-LRC` (to be frozen). A spectrum without spread has `σ̃ = 1`
/// throughout, and `σ̃ = 0` where it is zero: it goes last or first.
///
/// Source: Jaiswal et al., From GaLore to WeLore, arXiv:2407.11239, section 3. Deviations: the spectrum is
/// that of the method's metric (with the method `svd` that of the weight, as published); the budget is one
/// of cost, not of mean rank, so that no factored matrix grows, which the published bar of 0 allows; ranks
/// are rounded up to the rank multiple.
///
/// @param bar sites whose share of dropped components is at most this stay dense, in [0, 1)
record WeLore(double bar) implements Allocator {
    private static final AllocatorInfo INFO = new AllocatorInfo(
            "welore", "one threshold on normalised singular values", "arXiv:2407.11239", Set.of(Sensitivity.SPECTRUM));

    WeLore {
        if (!(bar >= 0 && bar < 1)) {
            throw new IllegalArgumentException("WeLore's bar is a share in [0, 1), but was " + bar);
        }
    }

    @Override
    public AllocatorInfo info() {
        return INFO;
    }

    @Override
    public Allocation allocate(AllocationProblem problem) {
        problem.require(INFO.id(), INFO.needs());
        var ladders = Ladders.of(problem);
        // The family rises with 1 - τ; slightly below 0 nothing at all is kept but the floor.
        var rungs = ladders.affordDense()
                ? ladders.dense()
                : ladders.meet(kept -> rungs(ladders, 1 - kept), -1e-9, 1, "WeLore's threshold");
        var allocation = ladders.allocation(rungs);
        var marks = new LinkedHashMap<LinearSite, String>();
        allocation.choices().forEach((site, choice) -> marks.put(site, choice.isDense() ? "N-LRC" : "LRC"));
        return allocation.withMarks(marks);
    }

    private int[] rungs(Ladders ladders, double threshold) {
        var rungs = new int[ladders.sites()];
        for (var i = 0; i < rungs.length; i++) {
            var ladder = ladders.get(i);
            var singular = ladder.evidence().singular();
            var kept = kept(singular, threshold);
            var reduction = 1 - kept / (double) singular.length;
            rungs[i] = reduction <= bar ? ladder.dense() : ladder.holding(kept);
        }
        return rungs;
    }

    /// Components at or above the threshold.
    static int kept(double[] singular, double threshold) {
        var most = singular[0];
        var least = singular[singular.length - 1];
        var kept = 0;
        while (kept < singular.length && normalised(singular[kept], least, most) >= threshold) {
            kept++;
        }
        return kept;
    }

    private static double normalised(double value, double least, double most) {
        return most > least ? (value - least) / (most - least) : most > 0 ? 1 : 0;
    }
}
