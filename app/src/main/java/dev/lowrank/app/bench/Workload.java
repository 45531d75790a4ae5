package dev.lowrank.app.bench;

import dev.lowrank.model.RowDecoder;
import dev.lowrank.tensor.DType;
import java.util.List;

/// What every model and every peer has to do.
///
/// @param text whose first tokens are the prompt
/// @param source what messages call the text
/// @param promptTokens tokens of the prompt, at least 1
/// @param decodeTokens tokens decoded after it, at least 1
/// @param rounds how often in a turn, at least 1; the best counts
/// @param threads that compute, at least 1
/// @param batches sequences that are decoded side by side, each 1 to [RowDecoder#MAX_ROWS]; empty for none
/// @param cacheType element type of keys and values here; peers keep theirs as they do by default
public record Workload(
        String text,
        String source,
        int promptTokens,
        int decodeTokens,
        int rounds,
        int threads,
        List<Integer> batches,
        DType cacheType) {
    /// @throws IllegalArgumentException for a number out of range
    public Workload {
        require("--prompt-tokens", promptTokens, Integer.MAX_VALUE);
        require("--decode-tokens", decodeTokens, Integer.MAX_VALUE);
        require("--rounds", rounds, 1000);
        require("--threads", threads, 1024);
        batches = List.copyOf(batches);
        batches.forEach(rows -> require("--batch", rows, RowDecoder.MAX_ROWS));
    }

    private static void require(String option, int value, int most) {
        if (value < 1 || value > most) {
            throw new IllegalArgumentException(option + " must be at least 1"
                    + (most == Integer.MAX_VALUE ? "" : " and at most " + most) + ", but is " + value + ".");
        }
    }
}
