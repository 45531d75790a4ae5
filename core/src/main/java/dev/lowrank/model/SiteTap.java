package dev.lowrank.model;

import dev.lowrank.tensor.Tensor;

/// Sees the activations that feed a block's linears while it runs; how calibration collects statistics.
@FunctionalInterface
public interface SiteTap {
    /// Called once per feed and forward pass.
    ///
    /// @param feed which activation
    /// @param input `[batch, seq, width]`, borrowed: valid during the call only
    void sees(Feed feed, Tensor input);

    /// Looks at nothing.
    static SiteTap none() {
        return (feed, input) -> {};
    }
}
