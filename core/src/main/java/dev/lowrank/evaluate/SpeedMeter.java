package dev.lowrank.evaluate;

import dev.lowrank.model.KvCache;
import dev.lowrank.model.Prefill;
import dev.lowrank.model.RowDecoder;
import java.util.Arrays;

/// Prefill and decode speed of one sequence: a prompt at once, then token by token, greedily.
public final class SpeedMeter {
    private SpeedMeter() {}

    /// What was measured, each the best of its rounds.
    ///
    /// @param promptTokens tokens of the prompt
    /// @param decodedTokens tokens decoded after it
    /// @param prefillTokensPerSecond prompt tokens ÷ time of the prompt
    /// @param decodeTokensPerSecond decoded tokens ÷ their time
    /// @param timeToFirstTokenSeconds time of the prompt and of choosing the first token
    public record Speed(
            int promptTokens,
            int decodedTokens,
            double prefillTokensPerSecond,
            double decodeTokensPerSecond,
            double timeToFirstTokenSeconds) {}

    /// Measures a model.
    ///
    /// @param prefill runs the prompt
    /// @param decoder runs the tokens after it
    /// @param prompt token ids, cut to half the model's context
    /// @param decode tokens to decode, cut to what the context leaves
    /// @param rounds how often; the best counts, which leaves out start-up
    public static Speed measure(Prefill prefill, RowDecoder decoder, int[] prompt, int decode, int rounds) {
        var context = decoder.spec().maxPositions();
        var tokens = Arrays.copyOf(prompt, Math.min(prompt.length, context / 2));
        var count = Math.min(decode, context - tokens.length);
        var bestPrefill = Double.POSITIVE_INFINITY;
        var bestDecode = Double.POSITIVE_INFINITY;
        try (var cache = KvCache.of(decoder.spec(), tokens.length + count)) {
            for (var round = 0; round < rounds; round++) {
                cache.advanceTo(0);
                var start = System.nanoTime();
                var token = greedy(prefill.prefill(tokens, cache));
                bestPrefill = Math.min(bestPrefill, (System.nanoTime() - start) / 1e9);
                start = System.nanoTime();
                for (var i = 0; i < count; i++) {
                    token = greedy(decoder.step(token, cache));
                }
                bestDecode = Math.min(bestDecode, (System.nanoTime() - start) / 1e9);
            }
        }
        return new Speed(tokens.length, count, tokens.length / bestPrefill, count / bestDecode, bestPrefill);
    }

    private static int greedy(float[] logits) {
        var best = 0;
        for (var i = 1; i < logits.length; i++) {
            if (logits[i] > logits[best]) {
                best = i;
            }
        }
        return best;
    }
}
