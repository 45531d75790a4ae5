package dev.lowrank.explore;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/// The configurations that meet the constraints and that no other one beats: none that does is at least as
/// good in every objective and better in one.
///
/// @param members by the last objective, the best first; of equals the first that was evaluated
public record ParetoFront(List<Evaluated> members) {
    public ParetoFront {
        members = List.copyOf(members);
    }

    /// The front of what was evaluated.
    ///
    /// @param dense measures of the model that nothing is cut of
    public static ParetoFront of(
            List<Evaluated> all, List<Objective> objectives, List<Constraint> constraints, Measures dense) {
        var allowed = all.stream()
                .filter(each ->
                        constraints.stream().allMatch(constraint -> constraint.violation(each.measures(), dense) == 0))
                .toList();
        var front = new ArrayList<Evaluated>();
        for (var i = 0; i < allowed.size(); i++) {
            if (!beaten(i, allowed, objectives)) {
                front.add(allowed.get(i));
            }
        }
        front.sort(Comparator.comparingDouble(each -> objectives.getLast().cost(each.measures())));
        return new ParetoFront(front);
    }

    private static boolean beaten(int place, List<Evaluated> all, List<Objective> objectives) {
        var mine = all.get(place).measures();
        for (var i = 0; i < all.size(); i++) {
            var other = all.get(i).measures();
            if (i != place && (compare(other, mine, objectives) < 0 || i < place && equal(other, mine, objectives))) {
                return true;
            }
        }
        return false;
    }

    private static boolean equal(Measures left, Measures right, List<Objective> objectives) {
        return objectives.stream().allMatch(objective -> objective.cost(left) == objective.cost(right));
    }

    /// Which of two is better in Pareto's sense.
    ///
    /// @return negative for the first, positive for the second, 0 for neither
    public static int compare(Measures left, Measures right, List<Objective> objectives) {
        var better = false;
        var worse = false;
        for (var objective : objectives) {
            var difference = Double.compare(objective.cost(left), objective.cost(right));
            better |= difference < 0;
            worse |= difference > 0;
        }
        return better == worse ? 0 : better ? -1 : 1;
    }

    /// The member that is best in the first objective within a bound on bytes.
    public Optional<Evaluated> within(long bytes, Objective first) {
        return members.stream()
                .filter(each -> each.measures().size().bytes() <= bytes)
                .min(Comparator.comparingDouble(each -> first.cost(each.measures())));
    }
}
