package dev.lowrank.evaluate.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TaskReaderTest {
    private static final String TASK = """
            task: own
            output_type: multiple_choice
            data: {file: own.jsonl, source: here}
            layouts:
              - needs: [q, c, g]
            doc_to_text: "{{q}}"
            doc_to_choice: "{{c}}"
            doc_to_target: "{{g}}"
            metric_list:
              - metric: acc
            """;

    @Test
    void everyTaskOfOursCanBeRead() {
        assertThat(Tasks.names())
                .isSorted()
                .allSatisfy(name ->
                        assertThat(Tasks.named(name).orElseThrow().name()).isEqualTo(name));
        assertThat(Tasks.named("arc")).isEmpty();
    }

    @Test
    void whatIsNotSaidIsAsInTheHarness() {
        var task = TaskReader.read("own.yaml", TASK);
        assertThat(task.prompt().targetDelimiter()).isEqualTo(" ");
        assertThat(task.prompt().fewshotDelimiter()).isEqualTo("\n\n");
        assertThat(task.shots().standard()).isZero();
        assertThat(task.runsCode()).isFalse();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "task: own                    | tusk: own                    | tusk is no key here",
                "task: own                    | description: x               | task is missing",
                "output_type: multiple_choice | output_type: multi           | expected one of multiple_choice",
                "doc_to_text: \"{{q}}\"        | doc_to_text: \"{{q\"          | doc_to_text is no template",
                "- metric: acc                | - metric: exact_match        | does not fit output_type",
                "- metric: acc                | - {metric: acc, ignore: 1}   | ignore is no key here",
                "doc_to_choice: \"{{c}}\"      | group: c                     | doc_to_choice is needed",
                "- needs: [q, c, g]           | - needs: q                   | expected a list",
                "data: {file: own.jsonl,      | data: {file: own.jsonl       | is no YAML"
            })
    void whatIsWrongIsNamed(String right, String wrong, String fault) {
        assertThat(TASK).contains(right);
        assertThatThrownBy(() -> TaskReader.read("own.yaml", TASK.replace(right, wrong)))
                .isInstanceOf(TaskException.class)
                .hasMessageStartingWith("own.yaml")
                .hasMessageContaining(fault);
    }

    @Test
    void aKeyGivenTwiceIsRefused() {
        assertThatThrownBy(() -> TaskReader.read("own.yaml", TASK + "task: again\n"))
                .isInstanceOf(TaskException.class)
                .hasMessageContaining("own.yaml is no YAML");
    }
}
