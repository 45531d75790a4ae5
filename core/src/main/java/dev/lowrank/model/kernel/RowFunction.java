package dev.lowrank.model.kernel;

/// Functions of a row that only some models need, as far as their vectors differ from plain loops.
public enum RowFunction {
    /// [Kernels#rmsNorm].
    RMS_NORM,
    /// [Kernels#layerNorm].
    LAYER_NORM,
    /// [Kernels#multiply], of a gated MLP.
    MULTIPLY,
    /// [Kernels#silu].
    SILU,
    /// [Kernels#geluTanh].
    GELU_TANH
}
