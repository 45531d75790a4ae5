package dev.lowrank.model;

/// Something that can read a prompt into a cache: an engine for many rows at once, or one token at a time.
@FunctionalInterface
public interface Prefill {
    /// Appends tokens to a cache.
    ///
    /// @param tokens at least one
    /// @param cache extended by all of them
    /// @return logits after the last token, `[vocabSize]`; valid until the engine's next call
    float[] prefill(int[] tokens, KvCache cache);
}
