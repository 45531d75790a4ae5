package dev.lowrank.evaluate.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.evaluate.likelihood.LogLikelihoods;
import dev.lowrank.model.Generator;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.testing.NoNativeLeaks;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The same prompts, log-likelihoods and figures as lm-evaluation-harness on the same model and records.
@NoNativeLeaks
class HarnessRulesTest {
    private static final double LOG_LIKELIHOOD = 1e-3;

    static Stream<String> runs() {
        return GoldenTasks.runs().stream();
    }

    private static PreparedTask prepared(String run) {
        var parts = run.split("/", 2);
        return PreparedTask.of(
                Tasks.named(parts[0]).orElseThrow(),
                GoldenTasks.data(),
                0,
                // TruthfulQA's examples stand in its description and are no shots.
                OptionalInt.of(Integer.parseInt(parts[1])));
    }

    private static TaskResult result(PreparedTask task) {
        try (var model = LanguageModel.open(GoldenTasks.pocket());
                var torch = TorchDecoder.load(model, Residency.RESIDENT);
                var row = RowDecoder.of(model);
                var tokenizer = model.tokenizer()) {
            var positions = model.spec().maxPositions();
            var likelihoods =
                    new LogLikelihoods(torch, tokenizer, positions, model.spec().vocabSize());
            var writer = new AnswerWriter(Generator.of(row, torch, tokenizer), tokenizer, positions);
            return new TaskRun(likelihoods, () -> writer, () -> null, new TaskRun.Sampling(0, 1, 0), 1)
                    .run(task, Progress.silent());
        }
    }

    @ParameterizedTest
    @MethodSource("runs")
    void promptsAndAnswersAreTheHarnesss(String run) {
        var expected = GoldenTasks.read("expected.json").get(run);
        var task = prepared(run);
        var found = result(task);
        assertThat(found.samples()).hasSize(expected.get("samples").size());
        for (var i = 0; i < found.samples().size(); i++) {
            var sample = found.samples().get(i);
            var golden = expected.get("samples").get(i);
            if (task.definition().output() == OutputType.GENERATE_UNTIL) {
                assertThat(sample.contexts())
                        .containsExactly(golden.get("arguments").get(0).get(0).stringValue());
                assertThat(sample.responses())
                        .containsExactly(golden.get("responses").get(0).stringValue());
                continue;
            }
            var requests = new LikelihoodScoring(task.definition())
                    .requests(task.documents().get(i));
            assertThat(requests).hasSize(golden.get("arguments").size());
            for (var j = 0; j < requests.size(); j++) {
                var asked = golden.get("arguments").get(j);
                assertThat(List.of(requests.get(j).context(), requests.get(j).continuation()))
                        .containsExactly(
                                asked.get(0).stringValue(), asked.get(1).stringValue());
                var answer = golden.get("responses").get(j);
                assertThat(sample.logLikelihoods().get(j))
                        .isCloseTo(answer.get(0).doubleValue(), within(LOG_LIKELIHOOD));
                assertThat(sample.greedy().get(j)).isEqualTo(answer.get(1).booleanValue());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("runs")
    void figuresAndStandardErrorsAreTheHarnesss(String run) {
        var expected = GoldenTasks.read("expected.json").get(run);
        for (var figure : result(prepared(run)).figures()) {
            if (figure.metric().equals("repetition_rate")) {
                continue; // The harness has no such figure.
            }
            var error = figure.metric().contains(",")
                    ? figure.metric().replace(",", "_stderr,")
                    : figure.metric() + "_stderr";
            var value = GoldenTasks.figure(expected, figure.metric());
            assertThat(figure.value()).isCloseTo(value, within(1e-4 * Math.abs(value)));
            var spread = GoldenTasks.figure(expected, error);
            assertThat(figure.standardError()).isCloseTo(spread, within(1e-3 * Math.abs(spread)));
        }
    }
}
