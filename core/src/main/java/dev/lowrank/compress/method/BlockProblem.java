package dev.lowrank.compress.method;

import dev.lowrank.compress.statistics.ModuleStatistics;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.Tensor;
import java.util.Map;
import java.util.Objects;

/// One block to narrow.
///
/// @param name names it in errors
/// @param heads query heads
/// @param kvHeads key/value heads
/// @param headDim width of a head
/// @param weights F64 `[out, in]` of every linear, finite; borrowed
/// @param biases F64 `[out]` of those that have one; borrowed
/// @param statistics what was measured; borrowed
public record BlockProblem(
        String name,
        int heads,
        int kvHeads,
        int headDim,
        Map<Role, Tensor> weights,
        Map<Role, Tensor> biases,
        ModuleStatistics statistics) {

    /// Query heads that share a key/value head.
    int group() {
        return heads / kvHeads;
    }

    Tensor weight(Role role) {
        return Objects.requireNonNull(weights.get(role), () -> name + " has no " + role);
    }
}
