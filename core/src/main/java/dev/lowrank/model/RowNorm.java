package dev.lowrank.model;

import dev.lowrank.model.kernel.RowInput;
import org.jspecify.annotations.Nullable;

/// A norm's weights.
///
/// @param shift null for a norm without one
record RowNorm(double epsilon, float[] scale, float @Nullable [] shift) {
    static RowNorm read(DecoderSpec spec, String name, RowDecoder.Weights weights) {
        var shifted = spec.norm().kind() == DecoderSpec.Norm.Kind.LAYER;
        return new RowNorm(
                spec.norm().epsilon(),
                weights.read(name + ".weight").toFloats(),
                shifted ? weights.read(name + ".bias").toFloats() : null);
    }

    void apply(RowTools tools, float[] x, RowInput y, int worker) {
        var kernels = tools.kernels();
        if (shift == null) {
            kernels.rmsNorm(x, scale, epsilon, y.values(), tools.scratch(worker));
        } else {
            kernels.layerNorm(x, scale, shift, epsilon, y.values(), tools.scratch(worker));
        }
    }
}
