package dev.lowrank.compress.statistics;

import dev.lowrank.tensor.Tensor;
import java.util.List;

/// What was measured inside a block's modules; F64 tensors borrowed from the collector.
///
/// @param tokens calibration tokens seen
/// @param queries `[heads headDim]`, sum of squares of each query channel, bias included
/// @param keys `[kvHeads headDim]`, likewise of each key channel
/// @param values for each key/value head `Σ v vᵀ [headDim, headDim]`, bias included
/// @param hidden `Σ h hᵀ [intermediate, intermediate]` of the MLP's activated hidden state
public record ModuleStatistics(long tokens, Tensor queries, Tensor keys, List<Tensor> values, Tensor hidden) {
    public ModuleStatistics {
        values = List.copyOf(values);
    }
}
