package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.compress.quantize.RoundingTotals;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// What rounding to blocks and outliers came to, over all sites.
///
/// @param parts how many parts are stored in each type
/// @param cutError relative error of the cuts alone
/// @param jointError relative error of cuts, rounding and outliers
/// @param weighed whether errors are weighed by the inputs
/// @param feedback sites whose rounding errors were passed on
/// @param outliers single entries that are stored in plain numbers
record RoundingFigures(
        @JsonProperty("parts") Map<String, Integer> parts,
        @JsonProperty("cut_error") double cutError,
        @JsonProperty("joint_error") double jointError,
        @JsonProperty("weighed") boolean weighed,
        @JsonProperty("feedback") int feedback,
        @JsonProperty("outliers") long outliers) {
    static @Nullable RoundingFigures of(@Nullable RoundingTotals found) {
        return found == null
                ? null
                : new RoundingFigures(
                        found.parts(),
                        found.cutError(),
                        found.jointError(),
                        found.weighed(),
                        found.feedback(),
                        found.outliers());
    }

    String words() {
        var types = parts.entrySet().stream()
                .map(part -> part.getValue() + " " + part.getKey())
                .collect(Collectors.joining(", "));
        var stored = Stream.of(
                        types.isEmpty() ? "" : "Parts in blocks: " + types,
                        outliers == 0 ? "" : "Outliers: " + Figures.count(outliers))
                .filter(said -> !said.isEmpty())
                .collect(Collectors.joining("; "));
        return String.format(
                Locale.ROOT,
                "%s; relative error %s %.4f by the cuts, %.4f with %s%n",
                stored,
                weighed ? "of the outputs" : "of the weights",
                cutError,
                jointError,
                outliers == 0 ? "rounding" : types.isEmpty() ? "outliers" : "rounding and outliers");
    }
}
