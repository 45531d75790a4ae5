package dev.lowrank.evaluate.task;

import dev.lowrank.evaluate.likelihood.LogLikelihoodRequest;
import dev.lowrank.evaluate.likelihood.LogLikelihoods;
import dev.lowrank.evaluate.sandbox.Outcome;
import dev.lowrank.evaluate.task.TaskResult.Figure;
import dev.lowrank.evaluate.task.TaskResult.Sample;
import dev.lowrank.model.Progress;
import dev.lowrank.model.SamplingOptions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Asks a model tasks and scores it.
///
/// @param likelihoods judges continuations
/// @param writer lets the model write; asked for only where a task generates
/// @param programs runs what it wrote; asked for only where a task runs code, before the model writes; null
///     where that is not allowed
/// @param sampling how answers are written
/// @param repeats programs written for each document of a task that runs code
public record TaskRun(
        LogLikelihoods likelihoods,
        Supplier<AnswerWriter> writer,
        Supplier<@Nullable ProgramRunner> programs,
        Sampling sampling,
        int repeats) {
    /// Name of the protocol, printed with every figure.
    public static final String PROTOCOL = "lm-evaluation-harness 0.4";

    /// How several programs for one document are made different.
    ///
    /// @param temperature of the first program when there is only one: 0
    public record Sampling(double temperature, double topP, long seed) {
        SamplingOptions of(int document, int repeat) {
            return temperature == 0
                    ? SamplingOptions.greedy()
                    : new SamplingOptions(temperature, 0, topP, 1, seed + 1_000_003L * document + repeat);
        }
    }

    /// A run of tasks that only judge continuations.
    public static TaskRun ofLikelihoods(LogLikelihoods likelihoods) {
        return new TaskRun(
                likelihoods,
                () -> {
                    throw new TaskException("This task lets the model write, which is not possible here");
                },
                () -> null,
                new Sampling(0, 1, 0),
                1);
    }

    /// Asks a task.
    ///
    /// @throws TaskException if it runs code and nothing may run it
    /// @throws dev.lowrank.tensor.NumericalException if a log-likelihood is not finite
    public TaskResult run(PreparedTask task, Progress progress) {
        return task.definition().output() == OutputType.GENERATE_UNTIL
                ? generated(task, progress)
                : judged(task, progress);
    }

    private TaskResult judged(PreparedTask task, Progress progress) {
        var scoring = new LikelihoodScoring(task.definition());
        var requests = task.documents().stream().map(scoring::requests).toList();
        var all = requests.stream().<LogLikelihoodRequest>flatMap(List::stream).toList();
        var found = likelihoods(task, all, progress);
        var samples = new ArrayList<Sample>();
        var at = 0;
        for (var i = 0; i < requests.size(); i++) {
            var count = requests.get(i).size();
            samples.add(scoring.sample(task.documents().get(i), found.values().subList(at, at + count)));
            at += count;
        }
        return result(task, samples, found.truncated(), 0);
    }

    private LogLikelihoods.Found likelihoods(
            PreparedTask task, List<LogLikelihoodRequest> requests, Progress progress) {
        try {
            return likelihoods.of(task.definition().name(), requests, progress);
        } catch (IllegalArgumentException e) {
            throw new TaskException("The task " + task.definition().name() + ": " + e.getMessage(), e);
        }
    }

    private TaskResult generated(PreparedTask task, Progress progress) {
        var definition = task.definition();
        var runner = definition.runsCode() ? programs.get() : null;
        if (definition.runsCode() && runner == null) {
            throw new TaskException("The task " + definition.name() + " runs code that the model writes");
        }
        var scoring = new GenerationScoring(definition);
        var each = definition.runsCode() ? repeats : 1;
        var responses = new ArrayList<List<String>>();
        var truncated = 0;
        var pen = writer.get();
        var generation = Objects.requireNonNull(definition.generation(), definition.name());
        for (var i = 0; i < task.documents().size(); i++) {
            progress.step(definition.name(), i, task.documents().size());
            var prompt = task.documents().get(i).contexts().getFirst();
            var written = new ArrayList<String>();
            for (var repeat = 0; repeat < each; repeat++) {
                var answer = pen.write(prompt, generation, sampling.of(i, repeat));
                written.add(answer.text());
                truncated += answer.truncated() && repeat == 0 ? 1 : 0;
            }
            responses.add(written);
        }
        progress.step(definition.name(), responses.size(), responses.size());
        var outcomes = outcomes(task, scoring, responses, runner, progress);
        var samples = new ArrayList<Sample>();
        for (var i = 0; i < responses.size(); i++) {
            samples.add(scoring.sample(task.documents().get(i), responses.get(i), outcomes.get(i)));
        }
        return result(task, samples, truncated, pen.answerTokens(generation));
    }

    private static List<List<Outcome>> outcomes(
            PreparedTask task,
            GenerationScoring scoring,
            List<List<String>> responses,
            @Nullable ProgramRunner runner,
            Progress progress) {
        if (runner == null) {
            return responses.stream().map(_ -> List.<Outcome>of()).toList();
        }
        var programs = new ArrayList<String>();
        for (var i = 0; i < responses.size(); i++) {
            for (var response : responses.get(i)) {
                programs.add(scoring.program(task.documents().get(i), response));
            }
        }
        var found = runner.run(programs, progress);
        var outcomes = new ArrayList<List<Outcome>>();
        var at = 0;
        for (var written : responses) {
            outcomes.add(found.subList(at, at + written.size()));
            at += written.size();
        }
        return outcomes;
    }

    private static TaskResult result(PreparedTask task, List<Sample> samples, int truncated, int answerTokens) {
        var figures = new ArrayList<Figure>();
        for (var name : samples.getFirst().metrics().keySet()) {
            figures.add(figure(task, name, samples));
        }
        return new TaskResult(
                task.definition().name(), task.shots(), figures, samples.size(), truncated, answerTokens, samples);
    }

    private static Figure figure(PreparedTask task, String name, List<Sample> samples) {
        Map<String, List<Double>> groups = new LinkedHashMap<>();
        for (var i = 0; i < samples.size(); i++) {
            groups.computeIfAbsent(task.documents().get(i).group(), _ -> new ArrayList<>())
                    .add(Objects.requireNonNull(samples.get(i).metrics().get(name)));
        }
        var values = groups.values().stream()
                .map(group -> group.stream().mapToDouble(Double::doubleValue).toArray())
                .toList();
        var sum = 0.0;
        for (var group : values) {
            for (var value : group) {
                sum += value;
            }
        }
        var mean = sum / samples.size();
        var perplexity = task.definition().metrics().stream()
                .anyMatch(counted ->
                        counted.metric() == Metric.PERPLEXITY && counted.as().equals(name));
        return perplexity
                ? new Figure(name, Math.exp(-mean), StandardErrors.ofPerplexity(values.getFirst()))
                : new Figure(name, mean, StandardErrors.ofGroups(values));
    }
}
