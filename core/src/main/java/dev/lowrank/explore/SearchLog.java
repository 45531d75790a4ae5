package dev.lowrank.explore;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What a search has measured: never twice the same, never more than it may.
final class SearchLog {
    private final SearchTask task;
    private final Map<Configuration, Measures> measured = new LinkedHashMap<>();
    private final Measures dense;
    private final List<Constraint> ahead;

    SearchLog(SearchTask task) {
        this.task = task;
        dense = task.evaluator().evaluate(Configuration.DENSE);
        measured.put(Configuration.DENSE, dense);
        ahead = task.ahead(dense);
    }

    SearchTask task() {
        return task;
    }

    /// Measures of the model that nothing is cut of.
    Measures dense() {
        return dense;
    }

    /// Whether no other configuration may be measured.
    boolean spent() {
        return measured.size() >= task.evaluations();
    }

    /// Measures a point.
    ///
    /// @return null if it was not measured before and nothing may be measured any more
    @Nullable
    Measures measure(int[] point) {
        var configuration = task.space().configuration(point);
        var known = measured.get(configuration);
        if (known == null && !spent()) {
            known = task.evaluator().evaluate(configuration);
            measured.put(configuration, known);
        }
        return known;
    }

    /// What follows from the ranks of a point alone.
    Measures sized(int[] point) {
        return task.sizes().evaluate(task.space().configuration(point));
    }

    /// How far a point is beyond the constraints that can be judged without running it.
    double violationAhead(int[] point) {
        return violation(ahead, sized(point));
    }

    /// How far measures are beyond all constraints.
    double violation(Measures measures) {
        return violation(task.constraints(), measures);
    }

    private double violation(List<Constraint> constraints, Measures measures) {
        return constraints.stream()
                .mapToDouble(constraint -> constraint.violation(measures, dense))
                .sum();
    }

    /// The cost of measures in the first objective.
    double loss(Measures measures) {
        return task.objectives().getFirst().cost(measures);
    }

    /// Everything, in the order in which it was measured.
    List<Evaluated> all() {
        var all = new ArrayList<Evaluated>();
        measured.forEach((configuration, measures) -> all.add(new Evaluated(configuration, measures)));
        return List.copyOf(all);
    }
}
