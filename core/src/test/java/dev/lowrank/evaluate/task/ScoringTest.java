package dev.lowrank.evaluate.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.evaluate.likelihood.LogLikelihood;
import dev.lowrank.evaluate.sandbox.Outcome;
import dev.lowrank.text.DataRecord;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Scores of a model whose log-likelihoods are known.
class ScoringTest {
    private static TaskDefinition choosing(String metric) {
        return TaskReader.read("own.yaml", """
                task: own
                output_type: multiple_choice
                data: {file: own.jsonl, source: here}
                layouts:
                  - needs: [q]
                doc_to_text: "{{q}}"
                doc_to_choice: ["no", "yes"]
                doc_to_target: 0
                metric_list:
                  - metric: %s
                """.formatted(metric));
    }

    private static double score(String metric, List<String> choices, List<Integer> gold, double... values) {
        var document = new TaskDocument(new DataRecord("r", Map.of()), "", List.of("q"), choices, gold, "");
        var answers = Arrays.stream(values)
                .mapToObj(value -> new LogLikelihood(value, false))
                .toList();
        var sample = new LikelihoodScoring(choosing(metric)).sample(document, answers);
        return sample.metrics().get(metric);
    }

    @Test
    void theFirstOfEqualsIsTaken() {
        assertThat(score("acc", List.of("a", "b"), List.of(0), -1, -1)).isOne();
        assertThat(score("acc", List.of("a", "b"), List.of(1), -1, -1)).isZero();
    }

    @Test
    void lengthsCountCodePoints() {
        // Four emoji: 4 code points, 8 UTF-16 units, 16 bytes.
        var choices = List.of("😀😀😀😀", "abcde");
        assertThat(score("acc_norm", choices, List.of(1), -4.4, -5.0)).isOne(); // −1.10 against −1.00
        assertThat(score("acc_bytes", choices, List.of(0), -4.4, -5.0)).isOne(); // −0.275 against −1.00
        assertThat(score("acc_norm", choices, List.of(0), -3.9, -5.0)).isOne(); // −0.975 against −1.00
    }

    @Test
    void massIsTheShareOfAllRightChoices() {
        var found = score("true_mass", List.of("a", "b", "c"), List.of(0, 2), -1000, -1001, -1002);
        var expected = (1 + Math.exp(-2)) / (1 + Math.exp(-1) + Math.exp(-2));
        assertThat(found).isCloseTo(expected, within(1e-12));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "so 3 and then 1,234. | flexible | 1,234.",
                "so 3 and then 7      | flexible | 7",
                "it costs $5          | flexible | $5",
                "none at all          | flexible | [invalid]",
                "#### 42 or #### 43   | strict   | 42",
                "#### none            | strict   | [invalid]"
            })
    void answersAreFoundAsInTheHarness(String response, String filter, String answer) {
        var filters = Map.of(
                "flexible", new AnswerFilter("flexible", Pattern.compile("(-?[$0-9.,]{2,})|(-?[0-9]+)"), true),
                "strict", new AnswerFilter("strict", Pattern.compile("#### (\\-?[0-9\\.\\,]+)"), false));
        assertThat(filters.get(filter).apply(response)).isEqualTo(answer);
    }

    @ParameterizedTest
    @CsvSource({
        "'1,234.', 'He has 1234.\n#### 1234', true",
        "$18, '#### 18', true",
        "18, '#### 19', false",
        "18.0, '#### 18', false"
    })
    void gsmAnswersAreComparedAsInTheHarness(String answer, String target, boolean equal) {
        var match = Tasks.named("gsm8k").orElseThrow().metrics().getFirst().match();
        assertThat(match.matches(answer, target.replace("\\n", "\n"))).isEqualTo(equal);
    }

    @Test
    void svampComparesByValue() {
        var match = Tasks.named("svamp").orElseThrow().metrics().getFirst().match();
        assertThat(match.matches("18.0", "18")).isTrue();
        assertThat(match.matches("[invalid]", "18")).isFalse();
    }

    @Test
    void passAtKIsEstimatedAsFarAsProgramsWereWritten() {
        var task = Tasks.named("humaneval").orElseThrow();
        var document = new TaskDocument(
                new DataRecord("r", Map.of("prompt", "P", "test", "T", "entry_point", "f")),
                "",
                List.of("P"),
                List.of(),
                List.of(),
                "");
        var scoring = new GenerationScoring(task);
        assertThat(scoring.program(document, "C")).isEqualTo("PC\nT\ncheck(f)");
        var outcomes = Stream.of(
                        Outcome.Verdict.PASSED,
                        Outcome.Verdict.FAILED,
                        Outcome.Verdict.TIMED_OUT,
                        Outcome.Verdict.FAILED)
                .map(verdict -> new Outcome(verdict, "", ""))
                .toList();
        assertThat(scoring.sample(document, List.of("a", "b", "c", "d"), outcomes)
                        .metrics())
                .isEqualTo(Map.of("pass@1", 0.25, "repetition_rate", 0.0));
    }

    @Test
    void repetitionIsTheShareOfRunsSaidBefore() {
        assertThat(GenerationScoring.repetition(List.of("a b c d e f"))).isZero();
        assertThat(GenerationScoring.repetition(List.of("too short", ""))).isZero();
        // Runs: abab, baba, abab, baba, abab: the last three were there before.
        assertThat(GenerationScoring.repetition(List.of("a b a b\na b a b"))).isEqualTo(0.6);
    }

    @Test
    void groupsAreCountedByTheirSize() {
        var first = new double[] {1, 0, 1, 1};
        var second = new double[] {0, 0, 1};
        var a = StandardErrors.ofMean(first);
        var b = StandardErrors.ofMean(second);
        var pooled = Math.sqrt((3 * a * a * 4 + 2 * b * b * 3) / (7 - 2) / 7);
        assertThat(StandardErrors.ofGroups(List.of(first, second))).isCloseTo(pooled, within(1e-15));
    }
}
