package dev.lowrank.compress.allocate;

import java.util.ArrayList;

/// Divergence curves through one measured point a site: the trial loss with that site alone cut to the
/// share of the budget, the other ranks in the shape of the dropped energy. One trial a site, and one for
/// the whole model.
final class MeasuredCurves {
    /// Nats of a cut that on a little text even seems to help: it costs next to nothing.
    private static final double LEAST = 1e-6;

    private MeasuredCurves() {}

    /// The problem with measured curves as evidence.
    ///
    /// @param ladders of a problem whose budget does not reach for the dense model
    static AllocationProblem around(Ladders ladders) {
        var problem = ladders.problem();
        var share = problem.budget().share(problem.denseCost());
        var whole = problem.trialLoss(ladders.candidate(ladders.dense()));
        var measured = new ArrayList<Evidence>();
        for (var site = 0; site < ladders.sites(); site++) {
            measured.add(measured(ladders, site, share, whole));
        }
        return problem.withEvidence(measured);
    }

    private static Evidence measured(Ladders ladders, int site, double share, double whole) {
        var ladder = ladders.get(site);
        var evidence = ladder.evidence();
        var energy = Curves.tailEnergy(evidence.singular());
        var rung = Math.min(ladder.within(share * ladder.denseCost()), ladder.dense() - 1);
        while (rung >= 0 && energy[ladder.rank(rung)] == 0) {
            rung--; // nothing that counts is dropped there
        }
        if (rung < 0) {
            return evidence.withDivergence(energy);
        }
        var alone = ladders.dense();
        alone[site] = rung;
        var nats = ladders.problem().trialLoss(ladders.candidate(alone)) - whole;
        return evidence.withDivergenceAt(ladder.rank(rung), Math.max(nats, LEAST));
    }
}
