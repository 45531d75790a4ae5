package dev.lowrank.model;

import dev.lowrank.tensor.Tensor;

/// Sees the activations around a block's linears while it runs; how calibration collects statistics.
public interface SiteTap {
    /// Called once per feed and forward pass, before the linears that it feeds run.
    ///
    /// @param feed which activation
    /// @param input `[batch, seq, width]`, borrowed: valid during the call only
    default void input(Feed feed, Tensor input) {}

    /// Called once per linear and forward pass.
    ///
    /// @param role which linear
    /// @param output `[batch, seq, out]`, bias included; borrowed: valid during the call only
    default void output(Role role, Tensor output) {}

    /// Looks at nothing.
    SiteTap NONE = new SiteTap() {};
}
