package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GenerateCommandTest {
    private static final String PROMPT = "import os\n\ndef read_file(path):\n    with open(";

    @Test
    void theContinuationIsAllThatGoesToStandardOutput() {
        var run = Run.of("generate", "--prompt", PROMPT, "--max-tokens=8");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out()).startsWith("path").endsWith("\n").doesNotContain("import os");
        assertThat(run.err()).contains("prompt tokens", "first token after", "8 tokens at", "--max-tokens");
    }

    @Test
    void jsonIsOneDocumentWithTheSameText() {
        var plain = Run.of("generate", "--prompt", PROMPT, "--max-tokens=8");
        var run = Run.of("generate", "--prompt", PROMPT, "--max-tokens=8", "--json");
        assertThat(run.code()).as(run.err()).isZero();
        var document = Documents.of(run);
        assertThat(document.path("text").asString() + "\n").isEqualTo(plain.out());
        assertThat(document.path("prompt").asString()).isEqualTo(PROMPT);
        assertThat(document.path("tokens").asInt()).isEqualTo(8);
        assertThat(document.path("stop").asString()).isEqualTo("max_tokens");
        assertThat(document.path("prompt_tokens").asInt()).isGreaterThan(5);
    }

    @Test
    void keysAndValuesMayBeKeptInBf16() {
        var run = Run.of("generate", "--prompt", PROMPT, "--max-tokens=8", "--cache-type=bf16");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out()).startsWith("path");
        var wrong = Run.of("generate", "--prompt", PROMPT, "--cache-type=q8_0");
        assertThat(wrong.code()).isEqualTo(2);
        assertThat(wrong.err()).contains("q8_0 is none of the cache types");
    }

    @Test
    void aPromptMayComeFromAFileOrStandardInput(@TempDir Path folder) throws IOException {
        var given = Run.of("generate", "--prompt", PROMPT, "--max-tokens=6").out();
        var file = Files.writeString(folder.resolve("prompt.txt"), PROMPT + "\n");
        assertThat(Run.of("generate", "--prompt-file", file.toString(), "--max-tokens=6")
                        .out())
                .isEqualTo(given);
        assertThat(Run.typing(PROMPT + "\n", "generate", "--max-tokens=6").out())
                .isEqualTo(given);
    }

    @Test
    void theSameSeedDrawsTheSameText() {
        var first = Run.of("generate", "--prompt", PROMPT, "--max-tokens=24", "--top-k=50", "--seed=1");
        var again = Run.of("generate", "--prompt", PROMPT, "--max-tokens=24", "--top-k=50", "--seed=1");
        var other = Run.of("generate", "--prompt", PROMPT, "--max-tokens=24", "--top-k=50", "--seed=2");
        assertThat(first.code()).isZero();
        assertThat(again.out()).isEqualTo(first.out());
        assertThat(other.out()).isNotEqualTo(first.out());
    }

    @ParameterizedTest
    @ValueSource(strings = {"--draft=skip:2", "--draft=skip:1-2 --draft-tokens=3"})
    void aDraftDoesNotChangeTheText(String options) {
        var plain = Run.of("generate", "--prompt", PROMPT, "--max-tokens=40");
        var line = new ArrayList<>(List.of("generate", "--prompt", PROMPT, "--max-tokens=40"));
        line.addAll(List.of(options.split(" ", -1)));
        var run = Run.of(line.toArray(String[]::new));
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out()).isEqualTo(plain.out());
        assertThat(run.err()).contains("guesses kept");
        line.add("--json");
        var document = Documents.of(Run.of(line.toArray(String[]::new)));
        assertThat(document.path("draft").path("proposed").asInt()).isPositive();
        assertThat(document.path("draft").path("accepted").asInt())
                .isLessThanOrEqualTo(document.path("draft").path("proposed").asInt());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--draft=skip:99",
                "--draft=skip:a",
                "--draft=skip:",
                "--draft=skip:2 --draft-tokens=0",
                "--draft-tokens=3"
            })
    void aDraftThatMeansNothingIsAUsageError(String options) {
        var line = new ArrayList<>(List.of("generate", "--prompt", "a"));
        line.addAll(List.of(options.split(" ", -1)));
        assertThat(Run.of(line.toArray(String[]::new)).code()).isEqualTo(2);
    }

    @Test
    void anEmptyPromptBeginsANewText() {
        var run = Run.of("generate", "--max-tokens=2", "--json");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(Documents.of(run).path("prompt_tokens").asInt()).isEqualTo(1);
    }

    @Test
    void aPromptThatFillsTheContextIsAUsageError() {
        var run = Run.of("generate", "--prompt", "x = 1\n".repeat(1000));
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("context 1024").contains("Shorten the prompt");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--temperature=-1",
                "--top-k=-1",
                "--top-p=0",
                "--top-p=1.5",
                "--repetition-penalty=0",
                "--max-tokens=0",
                "--prompt-file=prompt.txt"
            })
    void aValueOutOfRangeIsAUsageError(String option) {
        var run = Run.of("generate", "--prompt", "a", option, "--json");
        assertThat(run.code()).as(run.err()).isEqualTo(2);
        assertThat(Documents.of(run).path("error").path("message").asString()).isNotEmpty();
    }

    @Test
    void aMissingPromptFileIsBadInput() {
        assertThat(Run.of("generate", "--prompt-file", "nowhere.txt").code()).isEqualTo(4);
    }
}
