package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.evaluate.likelihood.LogLikelihoods;
import dev.lowrank.evaluate.sandbox.Sandbox;
import dev.lowrank.evaluate.sandbox.SandboxLimits;
import dev.lowrank.evaluate.task.AnswerWriter;
import dev.lowrank.evaluate.task.ProgramRunner;
import dev.lowrank.evaluate.task.TaskResult;
import dev.lowrank.evaluate.task.TaskRun;
import dev.lowrank.model.Generator;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Asks a model tasks. What only some tasks need, the row decoder and the sandbox, is opened when the first
/// of them comes.
final class TaskMeasurement implements AutoCloseable {
    /// Temperature and top-p of several programs for one problem, as in Chen et al., arXiv 2107.03374.
    private static final TaskRun.Sampling DIVERSE = new TaskRun.Sampling(0.8, 0.95, 0);

    private static final TaskRun.Sampling GREEDY = new TaskRun.Sampling(0, 1, 0);

    private final LanguageModel model;
    private final TorchDecoder torch;
    private final Tokenizer tokenizer;
    private @Nullable RowDecoder row;
    private @Nullable Sandbox sandbox;

    private TaskMeasurement(LanguageModel model, TorchDecoder torch, Tokenizer tokenizer) {
        this.model = model;
        this.torch = torch;
        this.tokenizer = tokenizer;
    }

    /// A metric of a task; its keys are a contract.
    ///
    /// @param task name
    /// @param metric name
    /// @param value figure
    /// @param standardError absent for a single document
    /// @param documents how many were asked
    /// @param shots examples before each question
    /// @param truncated requests that did not fit into the model's window
    /// @param answerTokens most tokens that an answer could have; absent where the model does not write
    /// @param seconds that asking the task took, for all of its metrics
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record TaskFigure(
            @JsonProperty("task") String task,
            @JsonProperty("metric") String metric,
            @JsonProperty("value") double value,
            @JsonProperty("stderr") @Nullable Double standardError,
            @JsonProperty("documents") int documents,
            @JsonProperty("shots") int shots,
            @JsonProperty("truncated") int truncated,
            @JsonProperty("answer_tokens") @Nullable Integer answerTokens,
            @JsonProperty("seconds") double seconds) {
        private static List<TaskFigure> of(TaskResult result, double seconds) {
            return result.figures().stream()
                    .map(figure -> new TaskFigure(
                            result.task(),
                            figure.metric(),
                            figure.value(),
                            Double.isFinite(figure.standardError()) ? figure.standardError() : null,
                            result.documents(),
                            result.shots(),
                            result.truncated(),
                            result.answerTokens() == 0 ? null : Integer.valueOf(result.answerTokens()),
                            seconds))
                    .toList();
        }

        /// What it is a figure of, in words.
        String of() {
            return task + ", " + documents + " documents" + (shots == 0 ? "" : ", " + shots + " examples each")
                    + (answerTokens == null ? "" : ", answers of up to " + answerTokens + " tokens")
                    + (truncated == 0 ? "" : ", " + truncated + " cut to the window");
        }

        /// The figure and its standard error.
        String text() {
            return Figures.decimal(value, 4) + (standardError == null ? "" : " ± " + Figures.decimal(standardError, 4));
        }
    }

    /// Asks all tasks of a plan.
    ///
    /// @param torch the model's decoder, borrowed
    static List<TaskFigure> of(LanguageModel model, TorchDecoder torch, TaskPlan plan, Progress progress) {
        if (plan.tasks().isEmpty()) {
            return List.of();
        }
        var figures = new ArrayList<TaskFigure>();
        try (var measurement = new TaskMeasurement(model, torch, model.tokenizer())) {
            var run = measurement.run(plan);
            for (var task : plan.tasks()) {
                var start = System.nanoTime();
                var result = run.run(task, progress);
                var seconds = (System.nanoTime() - start) * 1e-9;
                if (plan.samples() != null) {
                    SampleLog.write(plan.samples(), result);
                }
                figures.addAll(TaskFigure.of(result, seconds));
            }
        }
        return figures;
    }

    private TaskRun run(TaskPlan plan) {
        var spec = model.spec();
        return new TaskRun(
                new LogLikelihoods(torch, tokenizer, spec.maxPositions(), spec.vocabSize()),
                this::writer,
                this::runner,
                plan.programs() > 1 ? DIVERSE : GREEDY,
                plan.programs());
    }

    /// Programs run at all only with the user's consent, which [TaskOptions] asks for.
    private ProgramRunner runner() {
        if (sandbox == null) {
            sandbox = Sandbox.open(SandboxLimits.standard());
        }
        return sandbox::runAll;
    }

    private AnswerWriter writer() {
        if (row == null) {
            row = RowDecoder.of(model);
        }
        return new AnswerWriter(
                Generator.of(row, torch, tokenizer), tokenizer, model.spec().maxPositions());
    }

    @Override
    public void close() {
        if (sandbox != null) {
            sandbox.close();
        }
        if (row != null) {
            row.close();
        }
        tokenizer.close();
    }
}
