package dev.lowrank.generate.speculative;

import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.KvCache;
import dev.lowrank.model.Prefill;
import dev.lowrank.model.RowDecoder;

/// The model that decides. It pays to use a draft when several tokens take it hardly longer than one.
public interface Verifier extends Prefill {
    /// What it is.
    DecoderSpec spec();

    /// Runs one token and extends the cache by it.
    ///
    /// @return logits of the next token, `[vocab]`; overwritten by the next call
    float[] step(int token, KvCache cache);

    /// Runs several tokens of one text and extends the cache by them.
    ///
    /// @param tokens at most [RowDecoder#MAX_ROWS]
    /// @return logits after each of them, `[tokens][vocab]`, more rows may lie behind them; overwritten by
    ///     the
    ///     next call
    float[][] verify(int[] tokens, KvCache cache);

    /// A decoder as it is.
    ///
    /// @param decoder borrowed
    /// @param prefill reads its prompts; borrowed
    static Verifier of(RowDecoder decoder, Prefill prefill) {
        return new RowVerifier(decoder, prefill);
    }
}
