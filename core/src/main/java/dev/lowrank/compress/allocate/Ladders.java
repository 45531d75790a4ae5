package dev.lowrank.compress.allocate;

import dev.lowrank.model.LinearSite;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleFunction;

/// The ladders of all sites, and what allocators do with them together. A plan is an `int[]` with a rung
/// for each site.
final class Ladders {
    private final AllocationProblem problem;
    private final List<Ladder> ladders;
    private final long limit;

    private Ladders(AllocationProblem problem, List<Ladder> ladders) {
        this.problem = problem;
        this.ladders = ladders;
        this.limit = problem.limit();
    }

    /// Ladders with ranks at every multiple of the problem's rank multiple.
    ///
    /// @throws IllegalArgumentException if the budget is below the cost of all lowest rungs
    static Ladders of(AllocationProblem problem) {
        return of(problem, problem.rankMultiple());
    }

    /// Ladders with ranks at every multiple of `step`.
    ///
    /// @param step a multiple of the problem's rank multiple
    /// @throws IllegalArgumentException if the budget is below the cost of all lowest rungs
    static Ladders of(AllocationProblem problem, int step) {
        var ladders = problem.evidence().stream()
                .map(one -> Ladder.of(one, problem, step))
                .toList();
        var all = new Ladders(problem, ladders);
        all.reachable(all.cost(new int[ladders.size()]));
        return all;
    }

    /// What all sites cost at the lowest multiple of `step`.
    static long lowest(AllocationProblem problem, int step) {
        var least = 0L;
        for (var one : problem.evidence()) {
            least += Ladder.of(one, problem, step).cost(0);
        }
        return least;
    }

    private void reachable(long least) {
        if (least > limit) {
            var unit = problem.budget().unit().id();
            throw new IllegalArgumentException("The budget of " + limit + " " + unit + " is below " + least
                    + ", the least that " + ladders.size() + " target sites cost at a rank of at least "
                    + problem.rankFloor() + " in multiples of " + problem.rankMultiple() + " ("
                    + "dense they cost " + problem.denseCost() + "); keep more, lower the rank multiple, or leave "
                    + "roles out of --targets");
        }
    }

    /// Makes sure that a lowest plan fits the budget.
    ///
    /// @param what what the plan stands for
    void reachable(int[] lowest, String what) {
        if (cost(lowest) > limit) {
            throw new IllegalArgumentException("The budget of " + limit + " "
                    + problem.budget().unit().id() + " is below " + cost(lowest) + ", the least that " + what
                    + " leaves; keep more, or lower the floor");
        }
    }

    AllocationProblem problem() {
        return problem;
    }

    int sites() {
        return ladders.size();
    }

    Ladder get(int site) {
        return ladders.get(site);
    }

    long limit() {
        return limit;
    }

    /// Whether every site may stay dense.
    boolean affordDense() {
        return cost(dense()) <= limit;
    }

    /// Every site dense.
    int[] dense() {
        var rungs = new int[sites()];
        for (var i = 0; i < rungs.length; i++) {
            rungs[i] = ladders.get(i).dense();
        }
        return rungs;
    }

    long cost(int[] rungs) {
        var total = 0L;
        for (var i = 0; i < rungs.length; i++) {
            total += ladders.get(i).cost(rungs[i]);
        }
        return total;
    }

    /// The dearest plan of a family that fits the budget. Where the family jumps across the budget, sites
    /// are raised towards the plan beyond the jump, one after the other, as far as the budget goes.
    ///
    /// @param family plans that rise with their parameter, site by site
    /// @param low parameter of a plan that should fit
    /// @param high parameter of the dearest plan
    /// @param rule what to call the family in a message
    /// @throws IllegalArgumentException if not even the plan at `low` fits
    int[] meet(DoubleFunction<int[]> family, double low, double high, String rule) {
        var above = family.apply(high);
        if (cost(above) <= limit) {
            return above;
        }
        var below = family.apply(low);
        reachable(below, rule);
        var from = low;
        var to = high;
        for (var middle = (from + to) / 2; middle > from && middle < to; middle = (from + to) / 2) {
            var plan = family.apply(middle);
            if (cost(plan) <= limit) {
                from = middle;
                below = plan;
            } else {
                to = middle;
                above = plan;
            }
        }
        return between(below, above);
    }

    /// Raises sites of a plan that fits towards one that does not, in order, as far as the budget goes.
    int[] between(int[] below, int[] above) {
        var rungs = below.clone();
        var left = limit - cost(below);
        for (var i = 0; i < rungs.length; i++) {
            var ladder = ladders.get(i);
            if (above[i] > rungs[i]) {
                var before = ladder.cost(rungs[i]);
                rungs[i] = Math.max(rungs[i], Math.min(above[i], ladder.within(before + (double) left)));
                left -= ladder.cost(rungs[i]) - before;
            }
        }
        return rungs;
    }

    /// The plan as an allocation.
    Allocation allocation(int[] rungs) {
        var choices = new ArrayList<Choice>(rungs.length);
        for (var i = 0; i < rungs.length; i++) {
            choices.add(ladders.get(i).choice(rungs[i]));
        }
        return Allocation.within(problem, choices);
    }

    /// A plan to be measured, which may cost more than the budget.
    Allocation candidate(int[] rungs) {
        var choices = new LinkedHashMap<LinearSite, Choice>();
        for (var i = 0; i < rungs.length; i++) {
            choices.put(ladders.get(i).site(), ladders.get(i).choice(rungs[i]));
        }
        return new Allocation(choices, cost(rungs), Double.NaN, Map.of(), List.of());
    }

    /// The plan closest to an allocation that was made with other steps, never dearer.
    int[] nearest(Allocation allocation) {
        var rungs = new int[sites()];
        for (var i = 0; i < rungs.length; i++) {
            var ladder = ladders.get(i);
            rungs[i] = ladder.nearest(
                    allocation.of(ladder.site()), problem.budget().unit());
        }
        return rungs;
    }
}
