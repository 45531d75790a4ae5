package dev.lowrank.app;

import picocli.CommandLine.Option;

/// The options of speed measurements.
final class SpeedOptions {
    @Option(
            names = "--prompt-tokens",
            defaultValue = "128",
            paramLabel = "N",
            description = "Prompt of the speed measurement, from the first text (${DEFAULT-VALUE}).")
    private int promptTokens;

    @Option(
            names = "--decode-tokens",
            defaultValue = "64",
            paramLabel = "N",
            description = "Tokens decoded after it (${DEFAULT-VALUE}).")
    private int decodeTokens;

    @Option(names = "--no-speed", description = "Measure no speed.")
    private boolean off;

    /// What to measure.
    ///
    /// @throws CommandException with code 2 for a count below 1
    Measurement.SpeedPlan plan() {
        if (off) {
            return Measurement.SpeedPlan.NONE;
        }
        if (promptTokens < 1 || decodeTokens < 1) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "--prompt-tokens and --decode-tokens must be at least 1, but are " + promptTokens + " and "
                            + decodeTokens + ".",
                    "Use --no-speed to measure no speed.");
        }
        return new Measurement.SpeedPlan(promptTokens, decodeTokens);
    }
}
