package dev.lowrank.compress.method;

import dev.lowrank.model.BlockWidths;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// A block with narrower modules.
///
/// @param widths what it became, with the rotary pairs that each key head kept
/// @param weights F64 `[out, in]` of the linears that changed
/// @param biases F64 `[out]` of those that changed and have one
/// @param errors relative error of each that changed, in the method's own metric
/// @param notes fallbacks that were taken, by linear
public record NarrowedBlock(
        BlockWidths widths,
        Map<Role, Tensor> weights,
        Map<Role, Tensor> biases,
        Map<Role, Double> errors,
        Map<Role, List<String>> notes)
        implements TensorOwner {
    @Override
    public List<Tensor> tensors() {
        return Stream.concat(weights.values().stream(), biases.values().stream())
                .toList();
    }
}
