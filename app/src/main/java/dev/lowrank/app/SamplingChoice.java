package dev.lowrank.app;

import dev.lowrank.model.SamplingOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// The options that say how tokens are chosen.
final class SamplingChoice {
    @Option(
            names = "--max-tokens",
            defaultValue = "128",
            paramLabel = "N",
            description = "Most tokens to add (${DEFAULT-VALUE}).")
    private int maxTokens;

    @Option(
            names = "--temperature",
            paramLabel = "T",
            description = "Divides the logits; 0 always takes the most likely token. 0 unless --top-k or --top-p is"
                    + " given, then 1.")
    private @Nullable Double temperature;

    @Option(
            names = "--top-k",
            defaultValue = "0",
            paramLabel = "K",
            description = "Draw from the K most likely; 0 off.")
    private int topK;

    @Option(
            names = "--top-p",
            defaultValue = "1",
            paramLabel = "P",
            description = "Draw from the most likely tokens that together reach this probability; 1 is off.")
    private double topP;

    @Option(
            names = "--repetition-penalty",
            defaultValue = "1",
            paramLabel = "X",
            description = "Above 1, tokens of the text so far become less likely.")
    private double repetitionPenalty;

    @Option(
            names = "--seed",
            defaultValue = "0",
            description = "Of the random numbers: the same seed draws the same text (${DEFAULT-VALUE}).")
    private long seed;

    long seed() {
        return seed;
    }

    /// Most tokens to add.
    ///
    /// @throws CommandException with code 2 if below 1
    int maxTokens() {
        if (maxTokens < 1) {
            throw new CommandException(
                    ExitCode.USAGE, "--max-tokens must be at least 1, not " + maxTokens + ".", "Ask for a token.");
        }
        return maxTokens;
    }

    /// How tokens are chosen.
    ///
    /// @throws CommandException with code 2 for a value out of range
    SamplingOptions options() {
        var drawn = topK > 0 || topP < 1;
        var heat = temperature == null ? (drawn ? 1.0 : 0.0) : temperature;
        return UsageErrors.check(() -> new SamplingOptions(heat, topK, topP, repetitionPenalty, seed));
    }
}
