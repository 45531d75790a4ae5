package dev.lowrank.model;

/// One compressible linear of a block: `y = x Wᵀ + b` with `W [out, in]`.
///
/// @param layer block index from 0
/// @param role what it does in the block
/// @param name module path in the checkpoint, e.g. `model.layers.0.self_attn.q_proj`
/// @param in input width
/// @param out output width
/// @param bias whether the original checkpoint has a bias for it
/// @param layout how the original checkpoint stores the weight
public record LinearSite(int layer, Role role, String name, int in, int out, boolean bias, Layout layout) {
    /// Orientation of a stored dense weight. Factors are always stored `[out, in]`-wise.
    public enum Layout {
        OUT_IN,
        /// GPT-2's Conv1D.
        IN_OUT
    }

    /// Parameters of the dense weight, without the bias.
    public long weightParameters() {
        return (long) in * out;
    }
}
