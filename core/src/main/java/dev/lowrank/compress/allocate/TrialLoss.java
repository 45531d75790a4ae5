package dev.lowrank.compress.allocate;

/// Measures the model that an allocation stands for. Expensive: allocators that call it say how often.
@FunctionalInterface
public interface TrialLoss {
    /// Mean validation loss of the model under a candidate, which may exceed the budget.
    ///
    /// @param candidate a choice for every site of the problem
    /// @return nats per token; the same number for the same choices
    double of(Allocation candidate);
}
