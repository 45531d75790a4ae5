package dev.lowrank.generate;

import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.KvCache;
import dev.lowrank.tensor.DType;
import java.util.Arrays;

/// Keys and values of one sequence and the tokens that they belong to. It grows as the sequence does, up to
/// a limit that was set aside for it.
final class SequenceCache implements AutoCloseable {
    /// Positions that a sequence gets beyond its prompt; more when it needs them.
    private static final int AHEAD = 64;

    private final DecoderSpec spec;
    private KvCache cache;
    private int[] tokens;
    private int limit;

    private SequenceCache(DecoderSpec spec, KvCache cache, int[] tokens, int limit) {
        this.spec = spec;
        this.cache = cache;
        this.tokens = tokens;
        this.limit = limit;
    }

    /// An empty cache.
    ///
    /// @param type of keys and values
    /// @param soon positions that are needed at once
    /// @param limit positions that it may ever need
    static SequenceCache of(DecoderSpec spec, DType type, int soon, int limit) {
        var capacity = Math.min(limit, soon + AHEAD);
        return new SequenceCache(spec, KvCache.of(spec, capacity, type), new int[capacity], limit);
    }

    /// Bytes of the keys and values of positions.
    ///
    /// @param type of keys and values
    static long bytes(DecoderSpec spec, DType type, int positions) {
        var numbers = 0L;
        for (var block : spec.blocks()) {
            numbers += (long) spec.kvHeads()
                    * (block.heads().keyDim() + block.heads().valueDim());
        }
        return type.bytes(numbers * positions);
    }

    /// A second cache with the same beginning.
    ///
    /// @param length positions that are copied
    SequenceCache fork(int length, int newLimit) {
        var copy = of(spec, cache.type(), length, newLimit);
        var before = cache.length();
        cache.advanceTo(length);
        cache.copyTo(copy.cache);
        cache.advanceTo(before);
        copy.note(0, Arrays.copyOf(tokens, length));
        return copy;
    }

    /// The keys and values, with room for more.
    KvCache ready(int more) {
        var needed = cache.length() + more;
        if (needed > cache.capacity()) {
            var capacity = (int) Math.min(limit, Math.max(needed, 2L * cache.capacity()));
            var larger = KvCache.of(spec, capacity, cache.type());
            cache.copyTo(larger);
            cache.close();
            cache = larger;
        }
        return cache;
    }

    /// Tokens that are or are about to be in the cache.
    void note(int position, int... added) {
        if (position + added.length > tokens.length) {
            tokens = Arrays.copyOf(tokens, Math.max(position + added.length, 2 * tokens.length));
        }
        System.arraycopy(added, 0, tokens, position, added.length);
    }

    int length() {
        return cache.length();
    }

    /// Forgets what comes after a position.
    void cut(int length, int newLimit) {
        cache.advanceTo(length);
        limit = newLimit;
    }

    int capacity() {
        return cache.capacity();
    }

    /// Tokens at the beginning that it shares with a prompt.
    int common(int[] prompt) {
        var difference = Arrays.mismatch(tokens, 0, cache.length(), prompt, 0, prompt.length);
        return difference < 0 ? Math.min(cache.length(), prompt.length) : difference;
    }

    @Override
    public void close() {
        cache.close();
    }
}
