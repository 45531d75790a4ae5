package dev.lowrank.model;

/// How the next token is chosen, with the meaning and order of the logits processors of `transformers`:
/// repetition penalty, temperature, top-k, top-p.
///
/// @param temperature divides the logits; 0 always takes the most likely token
/// @param topK only tokens at least as likely as the k-th are drawn; 0 is off
/// @param topP only the most likely tokens that together reach this probability are drawn; 1 is off
/// @param repetitionPenalty positive logits of tokens already in the text are divided by it, negative ones
///     multiplied; 1 is off
/// @param seed of the random numbers; the same seed draws the same tokens
public record SamplingOptions(double temperature, int topK, double topP, double repetitionPenalty, long seed) {
    public SamplingOptions {
        if (!(temperature >= 0 && temperature < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("temperature must be 0 (most likely token) or more, not " + temperature);
        }
        if (topK < 0) {
            throw new IllegalArgumentException("top-k must be 0 (off) or more, not " + topK);
        }
        if (!(topP > 0 && topP <= 1)) {
            throw new IllegalArgumentException("top-p must be above 0 and at most 1 (off), not " + topP);
        }
        if (!(repetitionPenalty > 0 && repetitionPenalty < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                    "repetition penalty must be above 0, 1 being off, not " + repetitionPenalty);
        }
    }

    /// Always the most likely token.
    public static SamplingOptions greedy() {
        return new SamplingOptions(0, 0, 1, 1, 0);
    }

    /// Draws from the model's own distribution.
    public static SamplingOptions sampled(long seed) {
        return new SamplingOptions(1, 0, 1, 1, seed);
    }

    /// Whether nothing is drawn.
    public boolean isGreedy() {
        return temperature == 0;
    }
}
