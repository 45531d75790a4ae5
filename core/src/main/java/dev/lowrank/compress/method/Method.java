package dev.lowrank.compress.method;

import java.util.List;

/// A one-shot method, told apart by what it looks at: a linear alone ([SiteMethod]), the modules of a block
/// ([ModuleMethod]), the list of blocks ([BlockRemoval]), the same linear of neighbouring blocks
/// ([SharedBasis]), or the residual stream of the whole model ([StreamRotation]). Each kind has its own
/// pass in the pipeline; calibration, budget, resuming, output and report are the same for all.
public sealed interface Method permits SiteMethod, ModuleMethod, BlockRemoval, SharedBasis, StreamRotation {
    /// Its catalogue entry.
    MethodInfo info();

    /// The options of the command line that give it the knobs it has.
    default List<String> options() {
        return List.of();
    }

    /// The allocator that its own paper spends a budget by.
    default String allocator() {
        return "uniform";
    }
}
