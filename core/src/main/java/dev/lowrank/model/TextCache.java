package dev.lowrank.model;

import dev.lowrank.tensor.DType;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Keys and values of a text that is continued again and again, with the tokens they belong to: of the next
/// prompt only what differs has to be read. It grows with the text; closing frees it.
///
/// It belongs to one thread at a time.
public final class TextCache implements AutoCloseable {
    private final DecoderSpec spec;
    private final DType type;
    private @Nullable KvCache cache;
    private int[] tokens = new int[0];

    private TextCache(DecoderSpec spec, DType type) {
        this.spec = spec;
        this.type = type;
    }

    /// An empty cache, which takes no memory yet.
    ///
    /// @param type of keys and values, F32 or BF16
    public static TextCache of(DecoderSpec spec, DType type) {
        return new TextCache(spec, type);
    }

    /// Makes ready for a prompt: what the longest common beginning left is kept, the rest forgotten. At
    /// least one token is left to read, since its logits are wanted.
    ///
    /// @param prompt token ids, at least one
    /// @param capacity positions that will be needed
    /// @return a cache whose length is the number of prompt tokens that need not be read
    KvCache ready(int[] prompt, int capacity) {
        var ready = sized(capacity);
        var difference = Arrays.mismatch(tokens, 0, Math.min(tokens.length, ready.length()), prompt, 0, prompt.length);
        var common = difference < 0 ? prompt.length : difference;
        ready.advanceTo(Math.min(common, prompt.length - 1));
        tokens = prompt.clone();
        return ready;
    }

    /// A token was or is about to be read after those before it.
    void append(int token) {
        tokens = Arrays.copyOf(tokens, tokens.length + 1);
        tokens[tokens.length - 1] = token;
    }

    private KvCache sized(int capacity) {
        var before = cache;
        if (before != null && before.capacity() >= capacity) {
            return before;
        }
        // Doubling, so that a long talk does not copy everything at every turn; the first text gets what it needs.
        var doubled = before == null ? 0 : Math.min(2L * before.capacity(), spec.maxPositions());
        var larger = KvCache.of(spec, (int) Math.max(capacity, doubled), type);
        if (before != null) {
            before.copyTo(larger);
            before.close();
        }
        cache = larger;
        return larger;
    }

    @Override
    public void close() {
        if (cache != null) {
            cache.close();
            cache = null;
        }
    }
}
