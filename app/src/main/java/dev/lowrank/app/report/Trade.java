package dev.lowrank.app.report;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Configurations in a plane: what each costs and what it is worth. The reader chooses both axes; the
/// Pareto front of the two is drawn by the page, that over all measures is marked by who made the record.
///
/// @param measures what was measured, in the order offered; the first two are shown first, cost then
///     quality
/// @param configurations at least one
public record Trade(List<Measure> measures, List<Configuration> configurations) {
    public Trade {
        measures = List.copyOf(measures);
        configurations = List.copyOf(configurations);
    }

    /// A measure.
    ///
    /// @param key of the values of configurations
    /// @param name as people read it, with text and protocol
    /// @param unit how it is shown: `bytes`, `seconds`, `joules`, `share`, `count` or empty for a plain
    ///     number
    /// @param lower whether less is better
    public record Measure(String key, String name, String unit, boolean lower) {
        /// A measure of which less is better.
        public static Measure cost(String key, String name, String unit) {
            return new Measure(key, name, unit, true);
        }

        /// A measure of which more is better.
        public static Measure gain(String key, String name, String unit) {
            return new Measure(key, name, unit, false);
        }
    }

    /// A configuration that was evaluated.
    ///
    /// @param name what tells it apart
    /// @param values by key of the measure; one that was not measured is missing
    /// @param errors standard errors by key, where they are known
    /// @param front whether no other is at least as good in everything that was searched for
    /// @param reference whether it is what the others are compared with, such as the dense model
    /// @param settings what it is, by names such as `layers`, `tensors` and `rank`, in the order shown
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    public record Configuration(
            String name,
            Map<String, Double> values,
            Map<String, Double> errors,
            boolean front,
            boolean reference,
            @Nullable Map<String, String> settings) {}
}
