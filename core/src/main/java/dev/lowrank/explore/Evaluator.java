package dev.lowrank.explore;

import java.util.List;

/// Finds out what a configuration is worth. The same configuration gives the same measures.
@FunctionalInterface
public interface Evaluator {
    /// Measures a configuration.
    Measures evaluate(Configuration configuration);

    /// Measures several that do not depend on each other, a bag of tasks; here one after the other, since
    /// each already keeps all cores busy (docs/decisions/0023-design-space.md).
    ///
    /// @return in the order given
    default List<Measures> evaluateAll(List<Configuration> configurations) {
        return configurations.stream().map(this::evaluate).toList();
    }
}
