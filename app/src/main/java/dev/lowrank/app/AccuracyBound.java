package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import java.util.List;
import java.util.Locale;

/// The least that a model must still be able to do.
///
/// @param task one task
/// @param metric whose value is bounded
/// @param least smallest value allowed
record AccuracyBound(TaskPlan task, String metric, double least) {
    /// Measures a model.
    double measure(LanguageModel model, Progress progress) {
        var yardstick = new Yardstick(List.of(), task, Measurement.SpeedPlan.NONE);
        return Measurement.of(model, yardstick, progress).tasks().stream()
                .filter(figure -> figure.metric().equals(metric))
                .mapToDouble(TaskMeasurement.TaskFigure::value)
                .findFirst()
                .orElseThrow();
    }

    String name() {
        return task.tasks().getFirst().definition().name();
    }

    int documents() {
        return task.tasks().getFirst().documents().size();
    }

    /// What a bound on accuracy led to; its keys are a contract.
    ///
    /// @param task name
    /// @param metric name
    /// @param least the bound
    /// @param before of the source
    /// @param after of what is written
    /// @param documents how many were asked
    /// @param rounds models that were cut and measured, by share
    record Found(
            @JsonProperty("task") String task,
            @JsonProperty("metric") String metric,
            @JsonProperty("least") double least,
            @JsonProperty("before") double before,
            @JsonProperty("after") double after,
            @JsonProperty("documents") int documents,
            @JsonProperty("rounds") List<Round> rounds) {
        String words() {
            return String.format(
                    Locale.ROOT,
                    "%s %s over %d documents, by which the share was chosen: %.4f before, %.4f after, at least %.4f%n",
                    task,
                    metric,
                    documents,
                    before,
                    after,
                    least);
        }
    }

    /// A model that was cut and measured.
    ///
    /// @param keep share asked for
    /// @param value of the metric
    record Round(
            @JsonProperty("keep") double keep,
            @JsonProperty("value") double value) {}

    Found found(double before, Round taken, List<Round> rounds) {
        return new Found(name(), metric, least, before, taken.value(), documents(), rounds);
    }
}
