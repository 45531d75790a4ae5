package dev.lowrank.model;

/// What a generation made and how long it took.
///
/// @param text all pieces joined
/// @param promptTokens tokens of the prompt
/// @param newTokens tokens decoded, an end-of-text token included
/// @param stop why it ended
/// @param secondsToFirstToken from the start of the prefill to the first token chosen
/// @param decodeSeconds from the first token chosen to the last
public record Generation(
        String text, int promptTokens, int newTokens, Stop stop, double secondsToFirstToken, double decodeSeconds) {
    /// Why a generation ended.
    public enum Stop {
        /// The model said so.
        END_OF_TEXT,
        /// As many tokens as were asked for.
        MAX_TOKENS,
        /// The caller's predicate.
        CALLER,
        /// The model's context is full.
        CONTEXT
    }

    /// Tokens per second of prefill, the first token's choice included.
    public double prefillTokensPerSecond() {
        return promptTokens / secondsToFirstToken;
    }

    /// Tokens per second after the first one; 0 if there is only one.
    public double decodeTokensPerSecond() {
        return newTokens > 1 ? (newTokens - 1) / decodeSeconds : 0;
    }
}
