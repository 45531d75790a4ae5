package dev.lowrank.evaluate.task;

import dev.lowrank.evaluate.sandbox.Outcome;
import dev.lowrank.evaluate.sandbox.PassAtK;
import dev.lowrank.evaluate.task.TaskResult.Sample;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Scores documents by what a model wrote.
record GenerationScoring(TaskDefinition task) {
    /// Name of a figure that every task with answers has.
    private static final String REPETITION = "repetition_rate";

    /// Words of a run that counts as repeated.
    private static final int RUN = 4;

    /// The program whose passing is asked.
    ///
    /// @param completion what the model wrote
    String program(TaskDocument document, String completion) {
        Map<String, @Nullable Object> fields =
                new LinkedHashMap<>(document.record().fields());
        fields.put("completion", completion);
        return Objects.requireNonNull(task.prompt().program(), task.name())
                .text(fields, document.record().where());
    }

    /// @param responses at least one
    /// @param outcomes one for each response where code is run; else none
    Sample sample(TaskDocument document, List<String> responses, List<Outcome> outcomes) {
        var metrics = new LinkedHashMap<String, Double>();
        for (var counted : task.metrics()) {
            if (counted.metric() == Metric.PASS_AT_K) {
                addPasses(metrics, outcomes);
            } else {
                var answer = counted.filter() == null
                        ? responses.getFirst()
                        : counted.filter().apply(responses.getFirst());
                metrics.put(counted.as(), counted.match().matches(answer, document.target()) ? 1.0 : 0.0);
            }
        }
        metrics.put(REPETITION, repetition(responses));
        return new Sample(
                document.record().where(),
                document.contexts(),
                List.of(),
                List.of(),
                List.of(),
                responses,
                outcomes.stream().map(Outcome::label).toList(),
                responses.getFirst(),
                document.target(),
                metrics);
    }

    /// The share of runs of four words that stood in the same answer before: 0 where nothing is said twice,
    /// near 1 for a model that loops.
    static double repetition(List<String> responses) {
        var runs = 0;
        var repeated = 0;
        for (var response : responses) {
            var words = response.strip().split("\\s+");
            var seen = new HashSet<List<String>>();
            for (var i = 0; i + RUN <= words.length; i++) {
                runs++;
                repeated += seen.add(List.of(words).subList(i, i + RUN)) ? 0 : 1;
            }
        }
        return runs == 0 ? 0 : (double) repeated / runs;
    }

    /// Pass@1, and pass@10 and pass@100 where so many programs were written.
    private static void addPasses(Map<String, Double> metrics, List<Outcome> outcomes) {
        var passed = Math.toIntExact(outcomes.stream().filter(Outcome::isPassed).count());
        for (var k : List.of(1, 10, 100)) {
            if (k <= outcomes.size()) {
                metrics.put("pass@" + k, PassAtK.estimate(outcomes.size(), passed, k));
            }
        }
    }
}
