package dev.lowrank.generate;

import dev.lowrank.tensor.DType;

/// The limits of an engine.
///
/// @param parallel sequences that run at once
/// @param queue requests that may wait for one of them
/// @param context most tokens of a prompt and its continuation together
/// @param promptChunk tokens of a prompt that are read at once while others run: what they wait at most
/// @param cacheBytes memory for keys and values, running and kept
/// @param cacheType element type of keys and values, F32 or BF16
public record EngineOptions(int parallel, int queue, int context, int promptChunk, long cacheBytes, DType cacheType) {
    /// Rows that a step takes at once.
    static final int MOST_ROWS = 16;

    public EngineOptions {
        if (parallel < 1 || queue < 0 || context < 2 || promptChunk < 1 || cacheBytes < 1) {
            throw new IllegalArgumentException("An engine runs at least 1 sequence of at least 2 tokens, with memory"
                    + " for it, not " + parallel + " of " + context + " with a queue of " + queue + ", chunks of "
                    + promptChunk + " and " + cacheBytes + " bytes");
        }
    }
}
