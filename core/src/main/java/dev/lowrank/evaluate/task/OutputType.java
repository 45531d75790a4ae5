package dev.lowrank.evaluate.task;

/// What a model is asked for; names of lm-evaluation-harness.
public enum OutputType {
    /// The likeliest of several continuations, or the context after which one continuation is likeliest.
    MULTIPLE_CHOICE,
    /// The likelihood of one continuation, and whether the model would say it.
    LOGLIKELIHOOD,
    /// A continuation of the model's own.
    GENERATE_UNTIL
}
