package dev.lowrank.compress.method;

import java.util.List;
import java.util.Map;

/// Removes whole blocks: what stays is an ordinary model of fewer layers. Adding one means adding a file
/// and a line in [Methods].
public non-sealed interface BlockRemoval extends Method {
    /// The blocks that may go.
    ///
    /// @param blocks that are not protected, in execution order
    /// @param last the last block of the model
    default List<Integer> removable(List<Integer> blocks, int last) {
        return blocks;
    }

    /// Chooses the blocks to remove.
    ///
    /// @param count how many; no more than are removable
    /// @return the blocks in the order of their removal
    List<Removed> remove(Depth depth, int count);

    /// A block that goes.
    ///
    /// @param block its index in the source
    /// @param score what it was chosen by
    record Removed(int block, double score) {}

    /// The list of blocks, to be measured.
    interface Depth {
        /// Those that may go, in execution order.
        List<Integer> removable();

        /// How much each block changes the residual stream of the whole model: 1 − the mean cosine of what
        /// goes in and what comes out.
        double[] influence();

        /// The mean loss of the model without some blocks and one more, in nats per token, for each
        /// candidate.
        ///
        /// @param removed blocks that are gone
        /// @param candidates of which each is left out in turn, in execution order
        Map<Integer, Double> losses(List<Integer> removed, List<Integer> candidates);
    }
}
