package dev.lowrank.evaluate;

import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.KvCache;
import dev.lowrank.model.Prefill;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.DoubleSupplier;

/// Prefill and decode speed: a prompt at once, then token by token, greedily; for one sequence or for
/// several side by side.
///
/// @param prefill runs prompts
/// @param decoder runs the tokens after them
/// @param cacheType element type of keys and values
public record SpeedMeter(Prefill prefill, RowDecoder decoder, DType cacheType) {

    /// What was measured of one sequence, each the best of its rounds.
    ///
    /// @param promptTokens tokens of the prompt
    /// @param decodedTokens tokens decoded after it
    /// @param prefillTokensPerSecond prompt tokens ÷ time of the prompt
    /// @param decodeTokensPerSecond decoded tokens ÷ their time
    /// @param readBandwidth bytes a second that the decoder's threads read of its weights with nothing
    ///     computed, the mean of right before and right after the best round of decoding: what memory gives
    ///     changes from second to second on machines that others share, and from place to place; NaN where
    ///     it was not measured
    /// @param timeToFirstTokenSeconds time of the prompt and of choosing the first token
    /// @param tokenSeconds spread of single tokens' times over all rounds, but the first where there are
    ///     more
    /// @param joulesPerToken energy of the processor for a decoded token; empty where it cannot be read
    public record Speed(
            int promptTokens,
            int decodedTokens,
            double prefillTokensPerSecond,
            double decodeTokensPerSecond,
            double readBandwidth,
            double timeToFirstTokenSeconds,
            Percentiles tokenSeconds,
            OptionalDouble joulesPerToken) {
        /// The better of two measurements of the same: the faster prompt, the faster decoding with its
        /// tokens' times, the lesser energy.
        public Speed best(Speed other) {
            var decoding = decodeTokensPerSecond >= other.decodeTokensPerSecond ? this : other;
            return new Speed(
                    promptTokens,
                    decodedTokens,
                    Math.max(prefillTokensPerSecond, other.prefillTokensPerSecond),
                    decoding.decodeTokensPerSecond,
                    decoding.readBandwidth,
                    Math.min(timeToFirstTokenSeconds, other.timeToFirstTokenSeconds),
                    decoding.tokenSeconds,
                    least(joulesPerToken, other.joulesPerToken));
        }
    }

    private static OptionalDouble least(OptionalDouble one, OptionalDouble other) {
        return one.isEmpty() || (other.isPresent() && other.getAsDouble() < one.getAsDouble()) ? other : one;
    }

    /// As many tokens of a prompt as are measured in a model: at most half its context.
    public static int[] fitting(int[] prompt, DecoderSpec spec) {
        return Arrays.copyOf(prompt, Math.min(prompt.length, spec.maxPositions() / 2));
    }

    /// Measures a model.
    ///
    /// @param prompt token ids, cut to half the model's context
    /// @param decode tokens to decode, cut to what the context leaves
    /// @param rounds how often; the best counts, which leaves out start-up
    public Speed measure(int[] prompt, int decode, int rounds) {
        return measure(prompt, decode, rounds, () -> Double.NaN);
    }

    /// Measures a model, and before and after each round how fast its weights can be read.
    ///
    /// @param prompt as for [#measure(int[], int, int)]; likewise the others
    public Speed measureBesideMemory(int[] prompt, int decode, int rounds) {
        return measure(prompt, decode, rounds, decoder::readBandwidth);
    }

    private Speed measure(int[] prompt, int decode, int rounds, DoubleSupplier memory) {
        var tokens = fitting(prompt, decoder.spec());
        var count = Math.min(decode, decoder.spec().maxPositions() - tokens.length);
        var energy = EnergyMeter.ofMachine();
        decoder.warm(cacheType);
        var bestPrefill = Double.POSITIVE_INFINITY;
        var run = new Run(decoder, count, rounds);
        var joules = OptionalDouble.empty();
        try (var cache = KvCache.of(decoder.spec(), tokens.length + count, cacheType)) {
            for (var round = 0; round < rounds; round++) {
                cache.advanceTo(0);
                var start = System.nanoTime();
                var first = greedy(prefill.prefill(tokens, cache));
                bestPrefill = Math.min(bestPrefill, (System.nanoTime() - start) / 1e9);
                var before = memory.getAsDouble();
                joules = least(joules, energy.joules(() -> run.decode(first, cache)));
                run.keepBest(before, memory.getAsDouble());
            }
        }
        var spent = joules.isPresent() ? OptionalDouble.of(joules.getAsDouble() / count) : joules;
        return new Speed(
                tokens.length,
                count,
                tokens.length / bestPrefill,
                count / run.best,
                run.bandwidth,
                bestPrefill,
                run.percentiles(),
                spent);
    }

    /// Decodes round after round and keeps the times.
    private static final class Run {
        private final RowDecoder decoder;
        private final int count;
        private final double[] seconds;
        private int measured;
        private double best = Double.POSITIVE_INFINITY;
        private double bandwidth;
        private double last;

        Run(RowDecoder decoder, int count, int rounds) {
            this.decoder = decoder;
            this.count = count;
            this.seconds = new double[count * rounds];
        }

        void decode(int first, KvCache cache) {
            var token = first;
            var start = System.nanoTime();
            var before = start;
            for (var i = 0; i < count; i++) {
                token = greedy(decoder.step(token, cache));
                var now = System.nanoTime();
                seconds[measured++] = (now - before) / 1e9;
                before = now;
            }
            last = (before - start) / 1e9;
        }

        void keepBest(double before, double after) {
            if (last < best) {
                best = last;
                bandwidth = (before + after) / 2;
            }
        }

        Percentiles percentiles() {
            var warm = measured > count ? count : 0;
            return Percentiles.of(Arrays.copyOfRange(seconds, warm, measured));
        }
    }

    /// Measures sequences that are decoded side by side, each with a cache of its own behind the same
    /// prompt.
    ///
    /// @param prompt as for [#measure(int[], int, int)]
    /// @param decode tokens to decode in each sequence, cut likewise
    /// @param rows sequences, 1 to [RowDecoder#MAX_ROWS]
    /// @param rounds how often; the best counts
    /// @return tokens a second of all sequences together
    public double together(int[] prompt, int decode, int rows, int rounds) {
        var tokens = fitting(prompt, decoder.spec());
        var count = Math.min(decode, decoder.spec().maxPositions() - tokens.length);
        var caches = new ArrayList<KvCache>();
        decoder.warm(cacheType);
        try {
            for (var row = 0; row < rows; row++) {
                caches.add(KvCache.of(decoder.spec(), tokens.length + count, cacheType));
            }
            prefill.prefill(tokens, caches.getFirst());
            caches.subList(1, rows).forEach(caches.getFirst()::copyTo);
            var best = Double.POSITIVE_INFINITY;
            for (var round = 0; round < rounds; round++) {
                caches.forEach(cache -> cache.advanceTo(tokens.length));
                best = Math.min(best, secondsTogether(caches, tokens, count));
            }
            return (double) rows * count / best;
        } finally {
            caches.forEach(KvCache::close);
        }
    }

    /// The sequences begin with different tokens of the prompt, so that they do not all write the same.
    private double secondsTogether(List<KvCache> caches, int[] prompt, int count) {
        var next = new int[caches.size()];
        Arrays.setAll(next, row -> prompt[row % prompt.length]);
        var start = System.nanoTime();
        for (var i = 0; i < count; i++) {
            var logits = decoder.step(next, caches);
            Arrays.setAll(next, row -> greedy(logits[row]));
        }
        return (System.nanoTime() - start) / 1e9;
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
