package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.compress.quantize.RoundingTotals;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// What rounding to blocks came to, over all sites.
///
/// @param parts how many parts are stored in each type
/// @param cutError relative error of the cuts alone
/// @param jointError relative error of cuts and rounding
/// @param weighed whether errors are weighed by the inputs
/// @param feedback sites whose rounding errors were passed on
record RoundingFigures(
        @JsonProperty("parts") Map<String, Integer> parts,
        @JsonProperty("cut_error") double cutError,
        @JsonProperty("joint_error") double jointError,
        @JsonProperty("weighed") boolean weighed,
        @JsonProperty("feedback") int feedback) {
    static @Nullable RoundingFigures of(@Nullable RoundingTotals found) {
        return found == null
                ? null
                : new RoundingFigures(
                        found.parts(), found.cutError(), found.jointError(), found.weighed(), found.feedback());
    }

    String words() {
        var types = parts.entrySet().stream()
                .map(part -> part.getValue() + " " + part.getKey())
                .collect(Collectors.joining(", "));
        return String.format(
                Locale.ROOT,
                "Parts in blocks: %s; relative error %s %.4f by the cuts, %.4f with rounding%n",
                types,
                weighed ? "of the outputs" : "of the weights",
                cutError,
                jointError);
    }
}
