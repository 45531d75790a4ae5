package dev.lowrank.generate.speculative;

/// How speculation went in one text.
///
/// @param rounds verifications
/// @param proposed tokens that the draft guessed
/// @param accepted those that were kept
/// @param plainSteps tokens that were made without guesses
/// @param draftSeconds of guessing
/// @param verifySeconds of verifying
/// @param plainSeconds of plain steps
/// @param off whether guessing was given up because it did not pay
/// @param gain tokens a second with the best number of guesses in terms of those without, as measured; below
///     1 where it does not pay
public record SpeculationReport(
        int rounds,
        int proposed,
        int accepted,
        int plainSteps,
        double draftSeconds,
        double verifySeconds,
        double plainSeconds,
        boolean off,
        double gain) {
    /// Share of the guessed tokens that were kept; 0 if none was guessed.
    public double acceptance() {
        return proposed == 0 ? 0 : accepted / (double) proposed;
    }

    /// Time that plain steps alone would have taken over the time that was taken; 1 where no plain step was
    /// made to compare with, or no guess.
    public double speedUp() {
        if (plainSteps == 0 || rounds == 0) {
            return 1;
        }
        var tokens = plainSteps + accepted + rounds;
        return tokens * plainSeconds / plainSteps / (draftSeconds + verifySeconds + plainSeconds);
    }
}
