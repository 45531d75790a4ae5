package dev.lowrank.explore;

import java.util.List;

/// What a search has to do.
///
/// @param space where
/// @param seeds plans to begin with, such as those of allocators; none is needed
/// @param evaluator measures a configuration
/// @param sizes measures what follows from the ranks alone; free
/// @param objectives at least one; the first is what a constraint asks the least of
/// @param constraints what must hold
/// @param evaluations how many different configurations are measured
/// @param seed decides everything random
public record SearchTask(
        SearchSpace space,
        List<int[]> seeds,
        Evaluator evaluator,
        Evaluator sizes,
        List<Objective> objectives,
        List<Constraint> constraints,
        int evaluations,
        long seed) {
    public SearchTask {
        seeds = seeds.stream().map(int[]::clone).toList();
        objectives = List.copyOf(objectives);
        constraints = List.copyOf(constraints);
        if (evaluations < 1) {
            throw new IllegalArgumentException("A search measures at least 1 configuration, not " + evaluations);
        }
        if (objectives.isEmpty()) {
            throw new IllegalArgumentException("A search needs an objective, such as perplexity");
        }
    }

    /// The constraints that can be judged without running a model.
    ///
    /// @param dense measures of the model that nothing is cut of
    List<Constraint> ahead(Measures dense) {
        var known = sizes.evaluate(Configuration.DENSE);
        return constraints.stream()
                .filter(constraint ->
                        known.value(constraint.measure()) != null && dense.value(constraint.measure()) != null)
                .toList();
    }
}
