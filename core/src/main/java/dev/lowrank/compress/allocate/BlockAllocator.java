package dev.lowrank.compress.allocate;

/// An allocator that can also spread a budget over whole blocks, for methods that narrow the modules of a
/// block by one share.
public interface BlockAllocator extends Allocator {
    /// The share of its cost that each block keeps.
    ///
    /// @param influence how much each block changes the residual stream, `1 − mean cos(x_in, x_out)`
    /// @param removed how hard to cut, from 0 (nothing) on; no share rises with it
    /// @return shares in (0, 1]
    double[] kept(double[] influence, double removed);

    /// Whether it looks at the influences.
    boolean needsInfluence();
}
