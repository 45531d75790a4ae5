package dev.lowrank.compress.allocate;

import java.util.EnumSet;
import java.util.List;

/// Shares by effective rank and loss, above a floor.
///
/// With `p_i = σ_i / Σσ` the effective rank of a site is `exp(-Σ p ln p)`; scaled over all sites to `[1,
/// 2]` it is `β`. With `loss` the dropped tail `√(Σ_{i>k̄} σ_i²)` at the uniform rank `k̄`, a site's score
/// is `s = β^α · ln(e + loss)^{1-α}`. Each site keeps the floor, half of its uniform share, and the rest of
/// the budget goes to sites in proportion to `s` times their size. The floor is decisive: in the paper C4
/// perplexity falls from 14.88 to 11.78 by it.
///
/// Source: Swift-SVD, arXiv:2604.01609. Deviations: the loss is that of a token, so that the number of
/// calibration tokens does not weigh in; shares are of cost rather than of rank, so that sites
/// of every shape and form take part; what exceeds a dense matrix goes to the others; with `α` NaN it is
/// chosen from 0, 0.1, … 1 by trial losses, as published by validation perplexity.
///
/// @param alpha in [0, 1]; NaN to choose it by trials
/// @param floor share of the uniform share that every site keeps, in [0, 1]
record Swift(double alpha, double floor) implements Allocator {
    private static final int ALPHAS = 11;

    Swift {
        if (!Double.isNaN(alpha) && !(alpha >= 0 && alpha <= 1) || !(floor >= 0 && floor <= 1)) {
            throw new IllegalArgumentException(
                    "Swift's alpha and floor are in [0, 1], but were " + alpha + " and " + floor);
        }
    }

    @Override
    public List<String> options() {
        return Double.isNaN(alpha)
                ? Allocator.super.options()
                : List.of("--allocate", info().id(), "--swift-alpha", Double.toString(alpha));
    }

    @Override
    public AllocatorInfo info() {
        var needs = EnumSet.of(Sensitivity.SPECTRUM);
        if (Double.isNaN(alpha)) {
            needs.add(Sensitivity.TRIAL_LOSS);
        }
        return new AllocatorInfo("swift", "shares by effective rank and loss above a floor", "arXiv:2604.01609", needs);
    }

    @Override
    public long trials(int sites) {
        return Double.isNaN(alpha) ? ALPHAS : 0;
    }

    @Override
    public Allocation allocate(AllocationProblem problem) {
        problem.require("swift", info().needs());
        var ladders = Ladders.of(problem);
        if (ladders.affordDense()) {
            return ladders.allocation(ladders.dense());
        }
        if (!Double.isNaN(alpha)) {
            return shared(ladders, alpha);
        }
        var best = shared(ladders, 0);
        var loss = problem.trialLoss(best);
        var chosen = 0.0;
        for (var step = 1; step < ALPHAS; step++) {
            var candidate = shared(ladders, step / (ALPHAS - 1.0));
            var trial = problem.trialLoss(candidate);
            if (trial < loss) {
                best = candidate;
                loss = trial;
                chosen = step / (ALPHAS - 1.0);
            }
        }
        return best.withNotes(List.of("alpha " + chosen + " by trial loss " + loss));
    }

    private Allocation shared(Ladders ladders, double weight) {
        var share = ladders.problem().budget().share(ladders.problem().denseCost());
        var scores = scores(ladders, weight, share);
        return ladders.allocation(ladders.meet(
                pool -> rungs(ladders, scores, floor * share, pool), 0, 1 / least(scores), "Swift's floor"));
    }

    private static int[] rungs(Ladders ladders, double[] scores, double floor, double pool) {
        var rungs = new int[ladders.sites()];
        for (var i = 0; i < rungs.length; i++) {
            var ladder = ladders.get(i);
            rungs[i] = ladder.within((floor + pool * scores[i]) * ladder.denseCost());
        }
        return rungs;
    }

    private static double[] scores(Ladders ladders, double weight, double share) {
        var scores = new double[ladders.sites()];
        var least = Double.POSITIVE_INFINITY;
        var most = Double.NEGATIVE_INFINITY;
        for (var i = 0; i < scores.length; i++) {
            scores[i] = effectiveRank(ladders.get(i).evidence().singular());
            least = Math.min(least, scores[i]);
            most = Math.max(most, scores[i]);
        }
        for (var i = 0; i < scores.length; i++) {
            var ladder = ladders.get(i);
            var beta = most > least ? 1 + (scores[i] - least) / (most - least) : 1;
            var rank = ladder.rank(ladder.within(share * ladder.denseCost()));
            var loss = tail(ladder.evidence().singular(), rank);
            scores[i] = Math.pow(beta, weight) * Math.pow(Math.log(Math.E + loss), 1 - weight);
        }
        return scores;
    }

    private static double least(double[] scores) {
        var least = Double.POSITIVE_INFINITY;
        for (var score : scores) {
            least = Math.min(least, score);
        }
        return least;
    }

    /// `exp` of the entropy of the singular values' shares; 1 for a zero matrix.
    static double effectiveRank(double[] singular) {
        var sum = 0.0;
        for (var value : singular) {
            sum += value;
        }
        var entropy = 0.0;
        for (var value : singular) {
            if (value > 0) {
                var share = value / sum;
                entropy -= share * Math.log(share);
            }
        }
        return Math.exp(entropy);
    }

    private static double tail(double[] singular, int rank) {
        var sum = 0.0;
        for (var i = singular.length - 1; i >= rank; i--) {
            sum += singular[i] * singular[i];
        }
        return Math.sqrt(sum);
    }
}
