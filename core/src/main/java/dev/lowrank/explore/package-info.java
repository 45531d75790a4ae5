/// The design space of low-rank models: what may be cut where and how far, measured and searched.
///
/// Reading order: [DesignSpace] and [Configuration] (what there is), [Measures] and [Evaluator] (what is
/// known of it), [ModelEvaluator] and [EvaluationCache] (how that is found out, once), [Sweep] (one
/// dimension after the other), [Search] with [Objective] and [Constraint] (all at once), [ParetoFront]
/// (what to choose from).
@NullMarked
package dev.lowrank.explore;

import org.jspecify.annotations.NullMarked;
