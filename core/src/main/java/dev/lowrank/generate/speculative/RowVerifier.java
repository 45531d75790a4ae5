package dev.lowrank.generate.speculative;

import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.KvCache;
import dev.lowrank.model.Prefill;
import dev.lowrank.model.RowDecoder;

/// Verifies with a row decoder, whose weights are read once for all tokens.
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
        return decoder.steps(tokens, cache);
    }
}
