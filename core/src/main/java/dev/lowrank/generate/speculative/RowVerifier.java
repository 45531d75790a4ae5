package dev.lowrank.generate.speculative;

import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.KvCache;
import dev.lowrank.model.Prefill;
import dev.lowrank.model.RowDecoder;

/// Verifies with a row decoder, one token after the other.
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
        for (var i = 0; i < tokens.length; i++) {
            rows[i] = decoder.step(tokens[i], cache).clone();
        }
        return rows;
    }
}
