package dev.lowrank.bench;

import java.util.Locale;

/// Speed of one side.
///
/// @param who what ran: [#LOWRANK], or the peer with its element type
/// @param promptTokens tokens of the prompt
/// @param prefill prompt tokens a second
/// @param decode tokens a second after it
record SpeedFigure(String who, int promptTokens, double prefill, double decode) {
    static final String LOWRANK = "lowrank";

    SpeedFigure best(SpeedFigure other) {
        return new SpeedFigure(who, promptTokens, Math.max(prefill, other.prefill), Math.max(decode, other.decode));
    }

    String line() {
        return String.format(
                Locale.ROOT,
                "%s: prompt of %d tokens, prefill %.1f, decode %.1f tokens/s",
                who,
                promptTokens,
                prefill,
                decode);
    }
}
