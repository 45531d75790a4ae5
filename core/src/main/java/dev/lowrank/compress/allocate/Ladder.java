package dev.lowrank.compress.allocate;

import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The choices that one site has, as rungs of rising cost: every allowed rank in its cheapest form, as long
/// as that is smaller than the matrix itself, and the dense matrix on top.
///
/// A rung is cheaper than dense both in the budget's unit and in bytes: the index of a pivoted form costs
/// bytes that a budget of parameters does not see.
public final class Ladder {
    private final Evidence evidence;
    private final List<Choice> choices;
    private final long[] costs;

    /// @param choices of rising cost, never empty
    Ladder(Evidence evidence, List<Choice> choices, long[] costs) {
        this.evidence = evidence;
        this.choices = choices;
        this.costs = costs;
    }

    /// The ladders of all sites of a problem, in its order, with ranks at its rank multiple.
    public static List<Ladder> all(AllocationProblem problem) {
        return problem.evidence().stream()
                .map(one -> of(one, problem, problem.rankMultiple()))
                .toList();
    }

    /// Builds a site's ladder with ranks at multiples of `step`.
    ///
    /// @param step a multiple of the problem's rank multiple
    static Ladder of(Evidence evidence, AllocationProblem problem, int step) {
        if (problem.bits() != null) {
            return TypedRungs.of(evidence, problem, problem.bits(), step);
        }
        var unit = problem.budget().unit();
        var site = evidence.site();
        var dense = Choice.dense(site);
        var top = unit.cost(site, evidence.dtype(), dense);
        var choices = new ArrayList<Choice>();
        var costs = new ArrayList<Long>();
        var first = Math.ceilDiv(Math.max(problem.rankFloor(), 1), step) * step;
        for (var rank = first; rank <= evidence.components(); rank += step) {
            var best = cheapest(evidence, problem, rank, null);
            if (best == null) {
                break; // every larger rank costs more still
            }
            choices.add(best);
            costs.add(unit.cost(site, evidence.dtype(), best));
        }
        choices.add(dense);
        costs.add(top);
        return new Ladder(
                evidence,
                List.copyOf(choices),
                costs.stream().mapToLong(Long::longValue).toArray());
    }

    /// The form in which a rank costs least.
    ///
    /// @param type block type that the site is stored in; null for that of all sites
    /// @return null if the matrix itself costs no more in this type
    static @Nullable Choice cheapest(Evidence evidence, AllocationProblem problem, int rank, @Nullable DType type) {
        var unit = problem.budget().unit();
        var site = evidence.site();
        var dense = Choice.dense(site).in(type);
        var bytesBound = CostUnit.BYTES.cost(site, evidence.dtype(), dense);
        var best = (Choice) null;
        var bestCost = unit.cost(site, evidence.dtype(), dense);
        for (var form : problem.storage().forms()) {
            var choice = problem.cut(site, form, rank).in(type);
            var cost = unit.cost(site, evidence.dtype(), choice);
            if (cost < bestCost && CostUnit.BYTES.cost(site, evidence.dtype(), choice) < bytesBound) {
                best = choice;
                bestCost = cost;
            }
        }
        return best;
    }

    /// What is known of the site.
    public Evidence evidence() {
        return evidence;
    }

    /// Whose choices these are.
    public LinearSite site() {
        return evidence.site();
    }

    /// Number of rungs, dense included; at least 1.
    public int size() {
        return costs.length;
    }

    /// Index of the top rung: the matrix itself, where types are chosen in the one that loses least.
    public int dense() {
        return costs.length - 1;
    }

    /// What a rung costs, in the budget's unit.
    public long cost(int rung) {
        return costs[rung];
    }

    /// What the matrix itself costs, in the budget's unit.
    public long denseCost() {
        return costs[costs.length - 1];
    }

    /// What the site stores on a rung.
    public Choice choice(int rung) {
        return choices.get(rung);
    }

    /// Rank kept on a rung: all components where it is dense.
    public int rank(int rung) {
        return isDense(rung) ? evidence.components() : choices.get(rung).rank();
    }

    /// The dearest rung that costs at most `amount`; the lowest rung if none does.
    public int within(double amount) {
        var low = 0;
        var high = costs.length - 1;
        while (low < high) {
            var middle = (low + high + 1) >>> 1;
            if (costs[middle] <= amount) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low;
    }

    /// The cheapest rung that costs at least `amount`; dense if none does.
    int atLeast(double amount) {
        var below = within(amount);
        return costs[below] >= amount || below == dense() ? below : below + 1;
    }

    /// The lowest rung that keeps at least `rank` components.
    public int holding(int rank) {
        var low = 0;
        var high = costs.length - 1;
        while (low < high) {
            var middle = (low + high) >>> 1;
            if (rank(middle) >= rank) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

    /// The rung of a choice made on a ladder with other steps: the dearest that costs no more.
    int nearest(Choice choice, CostUnit unit) {
        return choice.isDense() ? dense() : within((double) unit.cost(site(), evidence.dtype(), choice));
    }

    /// Whether the site stays dense on this rung.
    public boolean isDense(int rung) {
        return choices.get(rung).form() == StorageForm.DENSE;
    }
}
