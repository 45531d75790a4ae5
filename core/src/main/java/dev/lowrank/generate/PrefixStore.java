package dev.lowrank.generate;

import dev.lowrank.model.DecoderSpec;
import dev.lowrank.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The memory for keys and values: what running requests have set aside, and in what is left over the
/// caches of ended ones, the least recently used given up first. A kept cache serves requests of its owner
/// alone.
final class PrefixStore implements AutoCloseable {
    /// A shorter common beginning is not worth a copy.
    private static final int SHORTEST = 8;

    private final DecoderSpec spec;
    private final DType type;
    private final long budget;
    private final List<Kept> kept = new ArrayList<>();
    private long reserved;

    PrefixStore(DecoderSpec spec, DType type, long budget) {
        this.spec = spec;
        this.type = type;
        this.budget = budget;
    }

    /// An ended sequence; the list is in order of use.
    private record Kept(String owner, SequenceCache cache) {}

    /// Sets memory aside, giving up what is kept.
    ///
    /// @return whether there was enough
    boolean reserve(long bytes) {
        if (reserved + bytes > budget) {
            return false;
        }
        reserved += bytes;
        shrink();
        return true;
    }

    void release(long bytes) {
        reserved -= bytes;
    }

    private void shrink() {
        while (!kept.isEmpty() && reserved + keptBytes() > budget) {
            kept.removeFirst().cache().close();
        }
    }

    /// Bytes that kept caches take.
    long keptBytes() {
        var bytes = 0L;
        for (var entry : kept) {
            bytes += SequenceCache.bytes(spec, type, entry.cache().capacity());
        }
        return bytes;
    }

    /// Bytes that running requests may take.
    long reservedBytes() {
        return reserved;
    }

    /// A cache that begins as the prompt does, filled up to there. At least one token is left to read,
    /// since its logits are wanted.
    ///
    /// @param limit positions that will be needed
    SequenceCache take(String owner, int[] prompt, int limit) {
        var best = best(owner, prompt);
        if (best == null) {
            return SequenceCache.of(spec, type, prompt.length, limit);
        }
        var common = Math.min(best.cache().common(prompt), prompt.length - 1);
        kept.remove(best);
        if (common >= best.cache().length() - 1 && best.cache().capacity() <= limit) {
            best.cache().cut(common, limit);
            return best.cache();
        }
        // Another text with the same beginning, which may be continued as well, or more memory than was set aside.
        kept.add(best);
        return best.cache().fork(common, limit);
    }

    private @Nullable Kept best(String owner, int[] prompt) {
        Kept best = null;
        var longest = SHORTEST - 1;
        for (var entry : kept) {
            var common = entry.owner().equals(owner) ? entry.cache().common(prompt) : 0;
            if (common > longest) {
                best = entry;
                longest = common;
            }
        }
        return best;
    }

    /// Keeps the cache of an ended request, or closes it where it is too short or there is no room.
    void keep(String owner, SequenceCache cache) {
        if (cache.length() < SHORTEST) {
            cache.close();
            return;
        }
        kept.add(new Kept(owner, cache));
        shrink();
    }

    @Override
    public void close() {
        kept.forEach(entry -> entry.cache().close());
        kept.clear();
    }
}
