package dev.lowrank.compress.allocate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Lowrank's default: the plan with the least estimated divergence that the budget can buy.
///
/// `minimise Σ_s d_s(r_s)` over a rank or the dense matrix for every site `s`, subject to `Σ_s cost_s(r_s)
/// ≤ budget`, with `d_s` the estimated KL divergence at the logits (made monotone, [Curves]) and the cost
/// of the cheapest allowed form. Solved by [ConvexSpending] on ranks at multiples of `step`; the remainder
/// is then spent in steps of the problem's rank multiple, so that the budget is met closely although most
/// ranks stay hardware-friendly. What would not lower the estimate is not spent.
///
/// Sites interact, so the sum is not the loss: the estimates of a whole plan can be off by half and more.
/// That changes the plan only where some sites are off by more than others. A remedy:
/// with `rounds > 0`, for every group of sites (role × depth group) the trial loss is measured with that
/// group dense again. What the group costs in the company of all others, over what was predicted for it,
/// scales its curves; the problem is solved anew within a trust region; the new plan is kept if its trial
/// loss is lower, else the region is halved. A round takes one trial for each group and one for the plan.
///
/// Where a type is chosen for every site as well, the rungs of a site are pairs of rank and type, each with
/// the loss of its cut and of its rounding ([RoundingLoss]), solved by [BestSpending].
///
/// Source: own; the multiple-choice knapsack on hulls is textbook (Kellerer, Pferschy, Pisinger, Knapsack
/// Problems, chapter 11); calibrated curves with a dense option follow LEMS, which solves an integer
/// program.
///
/// @param step ranks between two options of the first pass, rounded up to a multiple of the problem's rank
///     multiple; 8 suits half-precision tiles
/// @param rounds correction rounds
/// @param trust how far a correction moves a site's cost at most, as a share of its dense cost
/// @param depthGroups groups of neighbouring layers whose curves are corrected apart
/// @param floor smallest share of its dense cost that a site keeps, in [0, 1): where a cut is deep, curves
///     promise too much
/// @param source [Sensitivity#DIVERGENCE] for estimated curves, [Sensitivity#TRIAL_LOSS] for curves through
///     one trial a site ([MeasuredCurves])
record Knapsack(int step, int rounds, double trust, int depthGroups, double floor, Sensitivity source)
        implements Allocator {
    /// Suits half-precision tiles.
    static final int STEP = 8;

    private static final String ID = "knapsack";

    /// Largest correction of a group: a trial on little text can be far off.
    private static final double MOST = 8;

    Knapsack {
        if (step < 1 || rounds < 0 || !(trust > 0 && trust <= 1) || depthGroups < 1 || !(floor >= 0 && floor < 1)) {
            throw new IllegalArgumentException("The knapsack takes a step of at least 1, rounds of at least 0, a trust "
                    + "in (0, 1], at least 1 depth group and a floor in [0, 1), but was given " + step + ", " + rounds
                    + ", " + trust + ", " + depthGroups + " and " + floor);
        }
        if (source != Sensitivity.DIVERGENCE && source != Sensitivity.TRIAL_LOSS) {
            throw new IllegalArgumentException("The knapsack goes by estimate or trial, not by " + source.id());
        }
    }

    /// With the defaults for corrections.
    static Knapsack of(int step, int rounds) {
        return new Knapsack(step, rounds, 0.15, 2, 0, Sensitivity.DIVERGENCE);
    }

    /// With a floor.
    Knapsack withFloor(double share) {
        return new Knapsack(step, rounds, trust, depthGroups, share, source);
    }

    /// With another source of curves.
    Knapsack withSource(Sensitivity other) {
        return new Knapsack(step, rounds, trust, depthGroups, floor, other);
    }

    @Override
    public List<String> options() {
        return List.of(
                "--allocate",
                ID,
                "--allocate-rounds",
                Integer.toString(rounds),
                "--allocate-floor",
                Double.toString(floor),
                "--allocate-by",
                source.id());
    }

    /// Trials cut by rank alone, so that they say nothing of types.
    @Override
    public boolean choosesTypes() {
        return source == Sensitivity.DIVERGENCE && rounds == 0;
    }

    @Override
    public AllocatorInfo info() {
        var needs = source == Sensitivity.DIVERGENCE
                ? EnumSet.of(Sensitivity.DIVERGENCE)
                : EnumSet.of(Sensitivity.SPECTRUM, Sensitivity.TRIAL_LOSS);
        if (rounds > 0) {
            needs.add(Sensitivity.TRIAL_LOSS);
        }
        return new AllocatorInfo(ID, "least estimated divergence for the budget", "own", needs);
    }

    @Override
    public long trials(int sites) {
        return rounds == 0 ? 0 : rounds + 2L;
    }

    @Override
    public Allocation allocate(AllocationProblem problem) {
        problem.require(ID, info().needs());
        if (problem.bits() != null) {
            return withTypes(problem);
        }
        var given = Ladders.of(problem);
        if (source == Sensitivity.TRIAL_LOSS && given.affordDense()) {
            return given.allocation(given.dense()).withPredictedLoss(0);
        }
        var ladders = source == Sensitivity.TRIAL_LOSS ? Ladders.of(MeasuredCurves.around(given)) : given;
        var first = solve(ladders, ones(ladders), Window.open(floor));
        return rounds == 0 || ladders.affordDense() ? first : correct(ladders, first);
    }

    /// Where a plan may lie: anywhere, or around another one.
    private record Window(@Nullable Allocation around, double reach, double floor) {
        private static Window open(double floor) {
            return new Window(null, 1, floor);
        }

        private int[] low(Ladders ladders) {
            var rungs = around == null ? ladders.dense() : ladders.nearest(around);
            for (var i = 0; i < rungs.length; i++) {
                var ladder = ladders.get(i);
                var least = Math.max(floor * ladder.denseCost(), cost(ladders, i) - reach * ladder.denseCost());
                rungs[i] = Math.min(rungs[i], ladder.atLeast(least));
            }
            return rungs;
        }

        private int[] high(Ladders ladders) {
            if (around == null) {
                return ladders.dense();
            }
            var rungs = ladders.nearest(around);
            for (var i = 0; i < rungs.length; i++) {
                var ladder = ladders.get(i);
                rungs[i] = Math.max(rungs[i], ladder.within(cost(ladders, i) + reach * ladder.denseCost()));
            }
            return rungs;
        }

        private double cost(Ladders ladders, int site) {
            var one = ladders.get(site).evidence();
            var unit = ladders.problem().budget().unit();
            return around == null ? 0 : unit.cost(one.site(), one.dtype(), around.of(one.site()));
        }
    }

    private static double[] ones(Ladders ladders) {
        var ones = new double[ladders.sites()];
        Arrays.fill(ones, 1);
        return ones;
    }

    /// Wide steps first where they fit the budget, then the remainder on the given ladders.
    private Allocation solve(Ladders ladders, double[] scale, Window window) {
        var losses = Curves.losses(ladders, scale);
        var low = window.low(ladders);
        ladders.reachable(low, "the floor of " + floor);
        var start = wide(ladders, scale, window);
        var high = window.high(ladders);
        var rungs = start == null
                ? ConvexSpending.spend(ladders, losses, low, high)
                : ConvexSpending.spendRest(ladders, losses, start, high);
        return ladders.allocation(rungs).withPredictedLoss(Curves.total(losses, rungs));
    }

    /// Ranks and types at once. Ranks stay at multiples of the step: types fill the gaps between them.
    private Allocation withTypes(AllocationProblem problem) {
        var ladders = Ladders.of(problem, width(problem));
        var losses = Curves.losses(ladders, ones(ladders));
        var window = Window.open(floor);
        var low = window.low(ladders);
        ladders.reachable(low, "the floor of " + floor);
        var rungs = BestSpending.spend(ladders, losses, low, window.high(ladders));
        var chosen = ladders.allocation(rungs);
        return chosen.withPredictedLoss(Curves.total(losses, rungs))
                .withMarks(TypeCounts.marks(chosen))
                .withNotes(TypeCounts.notes(chosen));
    }

    private int width(AllocationProblem problem) {
        return Math.ceilDiv(step, problem.rankMultiple()) * problem.rankMultiple();
    }

    private int @Nullable [] wide(Ladders fine, double[] scale, Window window) {
        var problem = fine.problem();
        var width = width(problem);
        if (width == problem.rankMultiple() || Ladders.lowest(problem, width) > fine.limit()) {
            return null;
        }
        var ladders = Ladders.of(problem, width);
        var low = window.low(ladders);
        if (ladders.cost(low) > ladders.limit()) {
            return null;
        }
        var rungs = ConvexSpending.spend(ladders, Curves.losses(ladders, scale), low, window.high(ladders));
        return fine.nearest(ladders.allocation(rungs));
    }

    private Allocation correct(Ladders ladders, Allocation first) {
        var problem = ladders.problem();
        var notes = new ArrayList<String>();
        var best = first;
        var loss = problem.trialLoss(first);
        notes.add("first plan: predicted increase " + first.predictedLoss() + ", trial loss " + loss);
        var reach = trust;
        for (var round = 1; round <= rounds; round++) {
            var scale = scales(ladders, best, loss);
            var next = solve(ladders, scale, new Window(best, reach, floor));
            var trial = problem.trialLoss(next);
            notes.add("round " + round + ": predicted increase " + next.predictedLoss() + ", trial loss " + trial
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
    private double[] scales(Ladders ladders, Allocation plan, double loss) {
        var problem = ladders.problem();
        var scale = ones(ladders);
        var losses = Curves.losses(ladders, scale);
        var rungs = ladders.nearest(plan);
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
