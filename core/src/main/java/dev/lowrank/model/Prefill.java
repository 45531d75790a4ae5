package dev.lowrank.model;

/// Runs a prompt through a decoder.
@FunctionalInterface
public interface Prefill {
    /// Fills the cache with the prompt's keys and values, after what it already holds.
    ///
    /// @param tokens at least one
    /// @return logits of the last token, `[vocab]`
    float[] prefill(int[] tokens, KvCache cache);
}
