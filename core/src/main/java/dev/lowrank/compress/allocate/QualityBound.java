package dev.lowrank.compress.allocate;

import java.util.Set;

/// What a cut may cost in quality: something that is measured of trial models, and how much of it may be
/// lost. [WithinBound] searches for the largest cut that it allows and knows nothing else of it, so that
/// another quality (the accuracy on a task, say) is one more implementation.
public interface QualityBound {
    /// What measuring needs; the run provides it or refuses.
    Set<Sensitivity> needs();

    /// Measures the model that an allocation stands for. Called about ten times in a search.
    ///
    /// @param problem what the run knows and can measure
    /// @param candidate a choice for every site of the problem, which may exceed its budget
    /// @return a finite number in a unit of its own; the same for the same choices
    /// @throws dev.lowrank.tensor.NumericalException if nothing finite can be measured
    double measure(AllocationProblem problem, Allocation candidate);

    /// Whether a cut is good enough.
    ///
    /// @param dense what was measured of the model as it is, for which this is true
    /// @param cut what was measured of a candidate
    boolean holds(double dense, double cut);

    /// Before, after and the bound, in words, for the report.
    ///
    /// @param dense as for [#holds]
    /// @param cut of the candidate that was chosen
    String describe(double dense, double cut);
}
