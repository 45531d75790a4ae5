package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.generate.speculative.SpeculationReport;
import java.util.Locale;

/// How a draft did, in `--json` and in words.
///
/// @param model the draft as it was given
/// @param proposed tokens guessed
/// @param accepted those kept
/// @param acceptance their share
/// @param rounds times that guesses were checked
/// @param plainSteps tokens made without guesses
/// @param speedUp time that plain steps would have taken over the time taken, as measured; 1 where nothing
///     could be compared
/// @param bestGain what the best number of guesses would gain, as measured
/// @param givenUp whether guessing ended because it did not pay
record DraftFigures(
        @JsonProperty("model") String model,
        @JsonProperty("proposed") int proposed,
        @JsonProperty("accepted") int accepted,
        @JsonProperty("acceptance") double acceptance,
        @JsonProperty("rounds") int rounds,
        @JsonProperty("plain_steps") int plainSteps,
        @JsonProperty("speed_up") double speedUp,
        @JsonProperty("best_gain") double bestGain,
        @JsonProperty("given_up") boolean givenUp) {
    static DraftFigures of(String model, SpeculationReport report) {
        return new DraftFigures(
                model,
                report.proposed(),
                report.accepted(),
                report.acceptance(),
                report.rounds(),
                report.plainSteps(),
                report.speedUp(),
                report.gain(),
                report.off());
    }

    String inWords() {
        if (proposed == 0) {
            return "draft: no guess was made, the text was too short to find out whether it pays";
        }
        var kept = String.format(
                Locale.ROOT, "draft: %d of %d guesses kept (%.0f %%)", accepted, proposed, 100 * acceptance);
        if (givenUp) {
            return kept
                    + String.format(
                            Locale.ROOT, "; given up, since at best it is %.2f times as fast as without", bestGain);
        }
        return plainSteps == 0 ? kept : kept + String.format(Locale.ROOT, ", %.2f times as fast as without", speedUp);
    }
}
