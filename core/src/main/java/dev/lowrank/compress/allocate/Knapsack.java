package dev.lowrank.compress.allocate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;

/// Lowrank's default: the plan with the least estimated divergence that the budget can buy.
///
/// `minimise Σ_s d_s(r_s)` over a rank or the dense matrix for every site `s`, subject to `Σ_s cost_s(r_s)
/// ≤ budget`, with `d_s` the estimated KL divergence at the logits (made monotone, [Curves]) and the cost
/// of the cheapest allowed form. Solved by [ConvexSpending] on ranks at multiples of `step`; the remainder
/// is then spent in steps of the problem's rank multiple, so that the budget is met closely although most
/// ranks stay hardware-friendly. What would not lower the estimate is not spent.
///
/// Sites interact, so the sum is not the loss: the estimates of a whole plan can be off by half and more.
/// That changes the plan only where some sites are off by more than others. Two remedies:
/// - `rounds > 0`: for every group of sites (role × depth group) the trial loss is measured with that group
///   dense again. What the group costs in the company of all others, over what was predicted for it, scales
///   its curves; the problem is solved anew within a trust region; the new plan is kept if its trial loss
/// is   lower, else the region is halved. Each round takes at most one trial for a group and one for the
/// plan.
/// - [#refine]: the caller measures new curves around a plan.
///
/// Source: own; the multiple-choice knapsack on hulls is textbook (Kellerer, Pferschy, Pisinger, Knapsack
/// Problems, section 11.2); calibrated curves with a dense option follow LEMS, which solves an integer
/// program.
///
/// @param step ranks between two options of the first pass, rounded up to a multiple of the problem's rank
///     multiple; 8 suits half-precision tiles
/// @param rounds correction rounds
/// @param trust how far a correction moves a site's cost at most, as a share of its dense cost
/// @param depthGroups groups of neighbouring layers whose curves are corrected apart
public record Knapsack(int step, int rounds, double trust, int depthGroups) implements Allocator {
    /// Largest correction of a group: a trial on little text can be far off.
    private static final double MOST = 8;

    public Knapsack {
        if (step < 1 || rounds < 0 || !(trust > 0 && trust <= 1) || depthGroups < 1) {
            throw new IllegalArgumentException("The knapsack takes a step of at least 1, rounds of at least 0, a trust "
                    + "in (0, 1] and at least 1 depth group, but was given " + step + ", " + rounds + ", " + trust
                    + " and " + depthGroups);
        }
    }

    /// With the defaults for corrections.
    public static Knapsack of(int step, int rounds) {
        return new Knapsack(step, rounds, 0.15, 2);
    }

    @Override
    public AllocatorInfo info() {
        var needs = EnumSet.of(Sensitivity.DIVERGENCE);
        if (rounds > 0) {
            needs.add(Sensitivity.TRIAL_LOSS);
        }
        return new AllocatorInfo("knapsack", "least estimated divergence for the budget", "", needs);
    }

    @Override
    public Allocation allocate(AllocationProblem problem) {
        problem.require("knapsack", info().needs());
        var fine = Ladders.of(problem);
        var ones = new double[fine.sites()];
        Arrays.fill(ones, 1);
        var first = coarse(problem, fine, ones);
        return rounds == 0 || fine.affordDense() ? first : correct(problem, fine, first);
    }

    /// Solves the problem near a plan, with the curves of the problem's evidence, which may have been
    /// measured anew around that plan.
    ///
    /// @param around a plan for the same sites; its cost is within the problem's budget
    /// @param reach how far a site's cost may move, as a share of its dense cost
    /// @throws IllegalArgumentException if the plan costs more than the budget
    public Allocation refine(AllocationProblem problem, Allocation around, double reach) {
        problem.require("knapsack", EnumSet.of(Sensitivity.DIVERGENCE));
        var ladders = Ladders.of(problem);
        var ones = new double[ladders.sites()];
        Arrays.fill(ones, 1);
        return near(ladders, ones, ladders.nearest(around), reach);
    }

    private Allocation coarse(AllocationProblem problem, Ladders fine, double[] scale) {
        var multiple = problem.rankMultiple();
        var wide = Math.ceilDiv(step, multiple) * multiple;
        var rungs = new int[fine.sites()];
        if (wide > multiple && Ladders.lowest(problem, wide) <= fine.limit()) {
            var ladders = Ladders.of(problem, wide);
            var spent = ConvexSpending.spend(
                    ladders, Curves.losses(ladders, scale), new int[ladders.sites()], ladders.dense());
            rungs = fine.nearest(ladders.allocation(spent));
            return finished(fine, scale, rungs, fine.dense());
        }
        var losses = Curves.losses(fine, scale);
        return finished(fine, scale, ConvexSpending.spend(fine, losses, rungs, fine.dense()), fine.dense());
    }

    private static Allocation finished(Ladders fine, double[] scale, int[] from, int[] high) {
        var losses = Curves.losses(fine, scale);
        var rungs = ConvexSpending.spendRest(fine, losses, from, high);
        return fine.allocation(rungs).withPredictedLoss(Curves.total(losses, rungs));
    }

    private Allocation near(Ladders ladders, double[] scale, int[] rungs, double reach) {
        var low = new int[rungs.length];
        var high = new int[rungs.length];
        for (var i = 0; i < rungs.length; i++) {
            var ladder = ladders.get(i);
            var cost = (double) ladder.cost(rungs[i]);
            low[i] = Math.min(rungs[i], ladder.atLeast(cost - reach * ladder.denseCost()));
            high[i] = Math.max(rungs[i], ladder.within(cost + reach * ladder.denseCost()));
        }
        var losses = Curves.losses(ladders, scale);
        return finished(ladders, scale, ConvexSpending.spend(ladders, losses, low, high), high);
    }

    private Allocation correct(AllocationProblem problem, Ladders ladders, Allocation first) {
        var notes = new ArrayList<String>();
        var best = first;
        var loss = problem.trialLoss(first);
        notes.add("first plan: predicted increase " + first.predictedLoss() + " nats, trial loss " + loss);
        var reach = trust;
        for (var round = 1; round <= rounds; round++) {
            var scale = scales(problem, ladders, best, loss);
            var next = near(ladders, scale, ladders.nearest(best), reach);
            var trial = problem.trialLoss(next);
            notes.add("round " + round + ": predicted increase " + next.predictedLoss() + " nats, trial loss " + trial
                    + (trial < loss ? ", kept" : ", dropped"));
            if (trial < loss) {
                best = next;
                loss = trial;
            } else {
                reach /= 2;
            }
        }
        return best.withNotes(notes);
    }

    /// What each group costs in the company of all others, over what its curves predict.
    private double[] scales(AllocationProblem problem, Ladders ladders, Allocation plan, double loss) {
        var ones = new double[ladders.sites()];
        Arrays.fill(ones, 1);
        var losses = Curves.losses(ladders, ones);
        var rungs = ladders.nearest(plan);
        var scale = ones.clone();
        for (var group : SiteGroups.byRoleAndDepth(problem.evidence(), depthGroups)) {
            var predicted = 0.0;
            var without = rungs.clone();
            for (var site : group) {
                predicted += losses[site][rungs[site]];
                without[site] = ladders.get(site).dense();
            }
            if (predicted > 0) {
                var measured = loss - problem.trialLoss(ladders.candidate(without));
                setAll(scale, group, Math.clamp(measured / predicted, 1 / MOST, MOST));
            }
        }
        return scale;
    }

    private static void setAll(double[] scale, List<Integer> group, double value) {
        for (var site : group) {
            scale[site] = value;
        }
    }
}
