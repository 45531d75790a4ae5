package dev.lowrank.evaluate.task;

import dev.lowrank.evaluate.likelihood.LogLikelihood;
import dev.lowrank.evaluate.likelihood.LogLikelihoodRequest;
import dev.lowrank.evaluate.task.TaskDefinition.Counted;
import dev.lowrank.evaluate.task.TaskResult.Sample;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.stream.IntStream;

/// Scores documents by the log-likelihood of continuations.
record LikelihoodScoring(TaskDefinition task) {
    /// What is asked of a document, one request for each answer.
    List<LogLikelihoodRequest> requests(TaskDocument document) {
        var delimiter = task.prompt().targetDelimiter();
        if (document.choices().isEmpty()) {
            return List.of(new LogLikelihoodRequest(document.contexts().getFirst(), delimiter + document.target()));
        }
        var requests = new ArrayList<LogLikelihoodRequest>();
        for (var i = 0; i < document.answers(); i++) {
            var several = document.contexts().size() > 1;
            requests.add(new LogLikelihoodRequest(
                    document.contexts().get(several ? i : 0),
                    delimiter + document.choices().get(several ? 0 : i)));
        }
        return requests;
    }

    /// @param answers one for each request of the document
    Sample sample(TaskDocument document, List<LogLikelihood> answers) {
        var sums = answers.stream().mapToDouble(LogLikelihood::value).toArray();
        var metrics = new LinkedHashMap<String, Double>();
        for (var counted : task.metrics()) {
            metrics.put(counted.as(), value(counted, document, answers, sums));
        }
        return new Sample(
                document.record().where(),
                document.contexts(),
                document.choices(),
                answers.stream().map(LogLikelihood::value).toList(),
                answers.stream().map(LogLikelihood::greedy).toList(),
                List.of(),
                List.of(),
                document.choices().isEmpty() ? null : best(sums),
                document.choices().isEmpty() ? document.target() : document.gold(),
                metrics);
    }

    private static double value(Counted counted, TaskDocument document, List<LogLikelihood> answers, double[] sums) {
        return switch (counted.metric()) {
            case ACC ->
                document.choices().isEmpty()
                        ? share(answers.getFirst().greedy())
                        : share(document.gold().contains(best(sums)));
            case ACC_NORM -> share(document.gold().contains(best(divided(sums, lengths(document)))));
            case ACC_BYTES -> share(document.gold().contains(best(divided(sums, bytes(document)))));
            case TRUE_MASS -> mass(sums, document.gold());
            case PERPLEXITY -> sums[0];
            case EXACT_MATCH, PASS_AT_K -> throw new IllegalStateException(counted.as());
        };
    }

    private static double share(boolean right) {
        return right ? 1 : 0;
    }

    /// The place of the largest; the first of equals.
    private static int best(double[] values) {
        return IntStream.range(1, values.length).reduce(0, (best, i) -> values[i] > values[best] ? i : best);
    }

    private static double[] divided(double[] sums, double[] lengths) {
        return IntStream.range(0, sums.length)
                .mapToDouble(i -> sums[i] / lengths[i])
                .toArray();
    }

    private static double[] lengths(TaskDocument document) {
        return document.choices().stream()
                .mapToDouble(choice -> choice.codePointCount(0, choice.length()))
                .toArray();
    }

    private static double[] bytes(TaskDocument document) {
        return document.choices().stream()
                .mapToDouble(choice -> choice.getBytes(StandardCharsets.UTF_8).length)
                .toArray();
    }

    /// The share of all probability that lies on the right choices.
    private static double mass(double[] sums, List<Integer> gold) {
        var largest = sums[best(sums)];
        var all = 0.0;
        var right = 0.0;
        for (var i = 0; i < sums.length; i++) {
            var probability = Math.exp(sums[i] - largest);
            all += probability;
            right += gold.contains(i) ? probability : 0;
        }
        return right / all;
    }
}
