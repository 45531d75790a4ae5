package dev.lowrank.compress.statistics;

/// What a method may ask calibration to measure. The pipeline measures exactly what the methods of a run
/// need, once.
public enum Statistic {
    /// Mean of each input channel, `[in]`.
    MEAN,
    /// Mean magnitude of each input channel, `[in]`.
    MEAN_ABS,
    /// Second moment of the site's activations; see [SecondMoment].
    SECOND_MOMENT,
    /// Second moment of the loss gradient at the site's output, `[out, out]`, for labels drawn from the
    /// model; costs a forward and a backward pass of some windows before the others are measured.
    OUTPUT_GRADIENT,
    /// The residual stream before and after whole blocks.
    RESIDUAL,
    /// Second moment of the normalised residual stream at all norms together, `[hidden, hidden]`; see
    /// [StreamMoment].
    STREAM_MOMENT,
    /// The loss of the model without one block or another, on validation text where there is one.
    LOSS,
    /// Second moments inside the modules of a block; see [ModuleStatistics].
    MODULES
}
