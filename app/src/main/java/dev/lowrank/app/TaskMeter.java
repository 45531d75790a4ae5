package dev.lowrank.app;

import dev.lowrank.evaluate.likelihood.LogLikelihoods;
import dev.lowrank.evaluate.task.OutputType;
import dev.lowrank.evaluate.task.PreparedTask;
import dev.lowrank.evaluate.task.TaskRun;
import dev.lowrank.explore.QualityMeter;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.Progress;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.text.Tokenizer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What a model can do, as one of the qualities that `explore` trades off. Its figures are called
/// `TASK:METRIC`.
///
/// @param task one that judges continuations
/// @param tokenizer of all models that are measured, borrowed
record TaskMeter(PreparedTask task, DecoderSpec spec, Tokenizer tokenizer) implements QualityMeter {
    /// @throws CommandException with code 2 for a task that lets the model write
    TaskMeter {
        if (task.definition().output() == OutputType.GENERATE_UNTIL) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "The task " + task.definition().name() + " lets the model write, which takes too long for every"
                            + " configuration.",
                    "Explore by tasks with choices, and evaluate the models of the front on this one.");
        }
    }

    @Override
    public List<Figure> figures() {
        return task.definition().metrics().stream()
                .map(counted -> new Figure(name(counted.as()), counted.metric().isAccuracy()))
                .toList();
    }

    private String name(String metric) {
        return task.definition().name() + ":" + metric;
    }

    @Override
    public String protocol() {
        return TaskRun.PROTOCOL + " " + task.definition().name() + " of " + task.identity();
    }

    @Override
    public Map<String, Double> measure(TorchDecoder decoder, Progress progress) {
        var likelihoods = new LogLikelihoods(decoder, tokenizer, spec.maxPositions(), spec.vocabSize());
        var measured = new LinkedHashMap<String, Double>();
        TaskRun.ofLikelihoods(likelihoods)
                .run(task, progress)
                .figures()
                .forEach(figure -> measured.put(name(figure.metric()), figure.value()));
        return measured;
    }
}
