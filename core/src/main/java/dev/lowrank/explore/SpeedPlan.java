package dev.lowrank.explore;

import java.util.Arrays;

/// How speed is measured: a prompt at once, then token by token.
///
/// @param prompt token ids
/// @param decode tokens decoded after it
/// @param rounds how often; the best counts
public record SpeedPlan(int[] prompt, int decode, int rounds) {
    public SpeedPlan {
        if (prompt.length == 0 || decode < 1 || rounds < 1) {
            throw new IllegalArgumentException("A speed is measured on at least one token of prompt and answer and in"
                    + " one round, not on " + prompt.length + ", " + decode + " and " + rounds);
        }
        prompt = prompt.clone();
    }

    @Override
    public int[] prompt() {
        return prompt.clone();
    }

    /// Tokens of one round.
    public int tokens() {
        return prompt.length + decode;
    }

    /// Everything that decides a measurement but the machine.
    String protocol() {
        return "speed of " + decode + " tokens after " + Arrays.toString(prompt) + ", best of " + rounds;
    }
}
