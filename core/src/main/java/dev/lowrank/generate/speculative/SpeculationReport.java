package dev.lowrank.generate.speculative;

/// How speculation went in one text.
///
/// @param rounds verifications
/// @param proposed tokens that the draft guessed
/// @param accepted those that were kept
/// @param plainSteps tokens that were made without guesses
/// @param seconds of guessing, verifying and plain steps together
/// @param plainStepSeconds of one plain step on a warm machine; 0 where none was measured
/// @param off whether guessing was given up because it did not pay
/// @param gain tokens a second with the best number of guesses in terms of those without, as measured;
///     below
///     1 where it does not pay
public record SpeculationReport(
        int rounds,
        int proposed,
        int accepted,
        int plainSteps,
        double seconds,
        double plainStepSeconds,
        boolean off,
        double gain) {
    /// Share of the guessed tokens that were kept; 0 if none was guessed.
    public double acceptance() {
        return proposed == 0 ? 0 : accepted / (double) proposed;
    }

    /// Time that plain steps alone would have taken over the time that was taken; 1 where no plain step was
    /// measured to compare with, or no guess was made.
    public double speedUp() {
        var tokens = plainSteps + accepted + rounds;
        return plainStepSeconds == 0 || rounds == 0 ? 1 : tokens * plainStepSeconds / seconds;
    }
}
