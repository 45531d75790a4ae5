package dev.lowrank.model;

import java.util.Arrays;

/// Tokens of one decoder, a step for each.
///
/// @param decoder borrowed
/// @param prefill reads prompts; borrowed
record StepSource(RowDecoder decoder, Prefill prefill) implements TokenSource {
    @Override
    public DecoderSpec spec() {
        return decoder.spec();
    }

    @Override
    public Text begin(int[] prompt, KvCache cache, int capacity, Sampler sampler) {
        return new Text() {
            private int last;

            @Override
            public int first() {
                var unread = Arrays.copyOfRange(prompt, cache.length(), prompt.length);
                last = sampler.next(prefill.prefill(unread, cache));
                return last;
            }

            @Override
            public boolean hasRoom() {
                return cache.length() < capacity;
            }

            @Override
            public int next() {
                last = sampler.next(decoder.step(last, cache));
                return last;
            }
        };
    }
}
