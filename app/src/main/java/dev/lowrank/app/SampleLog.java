package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.evaluate.task.TaskResult;
import dev.lowrank.evaluate.task.TaskResult.Sample;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What was asked and answered, a line for each document.
final class SampleLog {
    private SampleLog() {}

    /// A line; its keys are a contract.
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    record Line(
            @JsonProperty("task") String task,
            @JsonProperty("doc") int document,
            @JsonProperty("record") String record,
            @JsonProperty("prompts") List<String> prompts,
            @JsonProperty("choices") List<String> choices,
            @JsonProperty("log_likelihoods") List<Double> logLikelihoods,
            @JsonProperty("greedy") List<Boolean> greedy,
            @JsonProperty("responses") List<String> responses,
            @JsonProperty("outcomes") List<String> outcomes,
            @JsonProperty("prediction") @Nullable Object prediction,
            @JsonProperty("gold") Object gold,
            @JsonProperty("metrics") Map<String, Double> metrics) {
        static Line of(String task, int document, Sample sample) {
            return new Line(
                    task,
                    document,
                    sample.where(),
                    sample.contexts(),
                    sample.choices(),
                    sample.logLikelihoods(),
                    sample.greedy(),
                    sample.responses(),
                    sample.outcomes(),
                    sample.prediction(),
                    sample.gold(),
                    sample.metrics());
        }
    }

    /// Writes `samples_TASK.jsonl`, replacing what was there.
    static void write(Path folder, TaskResult result) {
        var text = new StringBuilder();
        for (var i = 0; i < result.samples().size(); i++) {
            text.append(Json.line(Line.of(result.task(), i, result.samples().get(i))))
                    .append('\n');
        }
        try {
            Files.createDirectories(folder);
            Files.writeString(folder.resolve("samples_" + result.task() + ".jsonl"), text);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
