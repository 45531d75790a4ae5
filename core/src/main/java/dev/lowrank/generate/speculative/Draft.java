package dev.lowrank.generate.speculative;

import dev.lowrank.model.KvCache;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Prefill;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.SkippedBlocks;
import dev.lowrank.text.Tokenizer;
import java.util.Set;

/// A fast model that guesses what a slow one would say: another model of the same tokens, with a cache of
/// its own, or the slow one without some blocks, over the slow one's cache.
public final class Draft implements AutoCloseable {
    private final RowDecoder decoder;
    private final Prefill prefill;
    private final boolean shares;
    private final boolean owned;

    private Draft(RowDecoder decoder, Prefill prefill, boolean shares, boolean owned) {
        this.decoder = decoder;
        this.prefill = prefill;
        this.shares = shares;
        this.owned = owned;
    }

    /// Another model.
    ///
    /// @param decoder borrowed
    /// @param prefill reads its prompts; borrowed
    public static Draft of(RowDecoder decoder, Prefill prefill) {
        return new Draft(decoder, prefill, false, false);
    }

    /// The model itself without some blocks (self-speculation). What the draft writes into the cache is
    /// overwritten when the whole model reads the same tokens.
    ///
    /// @param skipped indices of blocks
    /// @throws IllegalArgumentException for a block that the model does not have, or if none or all are
    ///     skipped
    public static Draft skipping(LanguageModel model, Set<Integer> skipped, int threads) {
        var decoder = SkippedBlocks.decoder(model, skipped, threads);
        return new Draft(decoder, decoder, true, true);
    }

    static Draft sharing(RowDecoder decoder) {
        return new Draft(decoder, decoder, true, false);
    }

    /// Whether another model may draft: it must know the same tokens by the same ids.
    ///
    /// @throws IllegalArgumentException naming the first difference
    public static void requireSameTokens(Tokenizer model, Tokenizer draft) {
        var difference = model.difference(draft);
        if (difference.isPresent()) {
            var id = difference.getAsInt();
            throw new IllegalArgumentException("The draft has another tokenizer: id " + id + " is "
                    + named(model, id) + " for the model and " + named(draft, id)
                    + " for the draft; give a draft made from the same model");
        }
    }

    private static String named(Tokenizer tokenizer, int id) {
        return id < tokenizer.vocabularySize() ? "'" + tokenizer.decode(new int[] {id}) + "'" : "no token";
    }

    RowDecoder decoder() {
        return decoder;
    }

    Prefill prefill() {
        return prefill;
    }

    /// Whether it works on the cache of the model that decides.
    boolean shares() {
        return shares;
    }

    /// The cache for a text.
    KvCache cache(KvCache deciding) {
        return shares
                ? deciding
                : KvCache.of(
                        decoder.spec(),
                        Math.min(deciding.capacity(), decoder.spec().maxPositions()),
                        deciding.type());
    }

    @Override
    public void close() {
        if (owned) {
            decoder.close();
        }
    }
}
