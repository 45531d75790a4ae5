package dev.lowrank.evaluate.task;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// How a model did at a task.
///
/// @param task name
/// @param shots examples before each question
/// @param figures one for each metric
/// @param documents how many were asked
/// @param truncated how many requests did not fit into the model's window
/// @param answerTokens most tokens that an answer could have; 0 where the model does not write
/// @param samples what was asked and answered, in order
public record TaskResult(
        String task,
        int shots,
        List<Figure> figures,
        int documents,
        int truncated,
        int answerTokens,
        List<Sample> samples) {
    public TaskResult {
        figures = List.copyOf(figures);
        samples = List.copyOf(samples);
    }

    /// A metric over all documents.
    ///
    /// @param metric name
    /// @param value figure
    /// @param standardError how far it would spread over other documents; NaN for a single one
    public record Figure(String metric, double value, double standardError) {}

    /// A document as it was asked and answered.
    ///
    /// @param where file and line
    /// @param contexts prompts: one, or one for each choice
    /// @param choices continuations
    /// @param logLikelihoods of each answer, nats; empty where the model wrote
    /// @param greedy for each answer whether the model would say it
    /// @param responses what the model wrote; empty where it chose
    /// @param outcomes of programs that were run; empty where none were
    /// @param prediction place of the likeliest choice, or the first response; null where there is no
    ///     choice
    /// @param gold places of the right choices, or the right answer
    /// @param metrics what it adds to each figure
    public record Sample(
            String where,
            List<String> contexts,
            List<String> choices,
            List<Double> logLikelihoods,
            List<Boolean> greedy,
            List<String> responses,
            List<String> outcomes,
            @Nullable Object prediction,
            Object gold,
            Map<String, Double> metrics) {}
}
