package dev.lowrank.generate.speculative;

import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.KvCache;
import dev.lowrank.model.Prefill;
import dev.lowrank.model.RowDecoder;
import java.util.Arrays;

/// Verifies with a row decoder, as many tokens at a time as can run together.
record RowVerifier(RowDecoder decoder, Prefill reader) implements Verifier {
    @Override
    public DecoderSpec spec() {
        return decoder.spec();
    }

    @Override
    public float[] prefill(int[] tokens, KvCache cache) {
        return reader.prefill(tokens, cache);
    }

    @Override
    public float[] step(int token, KvCache cache) {
        return decoder.step(token, cache);
    }

    @Override
    public float[][] verify(int[] tokens, KvCache cache) {
        var rows = new float[tokens.length][];
        for (var from = 0; from < tokens.length; from += RowDecoder.MAX_ROWS) {
            var end = Math.min(tokens.length, from + RowDecoder.MAX_ROWS);
            var some = decoder.steps(Arrays.copyOfRange(tokens, from, end), cache);
            for (var i = from; i < end; i++) {
                // The next ones would overwrite them.
                rows[i] = end < tokens.length ? some[i - from].clone() : some[i - from];
            }
        }
        return rows;
    }
}
