package dev.lowrank.app;

import dev.lowrank.model.SamplingOptions;
import picocli.CommandLine.Option;

/// The options that say how tokens are chosen.
final class SamplingChoices {
    @Option(names = "--max-tokens", defaultValue = "128", description = "Most tokens to write (${DEFAULT-VALUE}).")
    private int maxTokens;

    @Option(
            names = "--temperature",
            defaultValue = "0",
            description = "0 always takes the most likely token (${DEFAULT-VALUE}).")
    private double temperature;

    @Option(names = "--top-k", defaultValue = "0", description = "Only the k most likely tokens; 0 is off.")
    private int topK;

    @Option(names = "--top-p", defaultValue = "1", description = "Only tokens that together reach this; 1 is off.")
    private double topP;

    @Option(
            names = "--repetition-penalty",
            defaultValue = "1",
            description = "Makes tokens that occurred less likely; 1 is off.")
    private double repetitionPenalty;

    @Option(names = "--seed", defaultValue = "0", description = "The same seed draws the same tokens.")
    private long seed;

    int maxTokens() {
        if (maxTokens < 1) {
            throw new CommandException(ExitCode.USAGE, "--max-tokens is " + maxTokens + ".", "Give at least 1.");
        }
        return maxTokens;
    }

    /// @throws CommandException with code 2 for a value out of range
    SamplingOptions sampling() {
        return UsageErrors.check(() -> new SamplingOptions(temperature, topK, topP, repetitionPenalty, seed));
    }
}
