package dev.lowrank.compress.method;

import dev.lowrank.model.BlockWidths;

/// Narrows the modules of a block: query with key, value with output, and the MLP, each as a whole. What it
/// leaves are plain smaller matrices. Adding one means adding a file and a line in [Methods].
public non-sealed interface ModuleMethod extends Method {
    /// Narrows a block.
    ///
    /// @param widths what to narrow to; its rotary pairs are chosen here and ignored there
    /// @return in the innermost scope
    /// @throws dev.lowrank.tensor.NumericalException naming the block, if the numbers do not allow it
    NarrowedBlock narrow(BlockProblem problem, BlockWidths widths);
}
