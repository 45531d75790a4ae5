package dev.lowrank.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.tensor.DType;
import dev.lowrank.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Conversations with the pocket model, read by the row decoder, whose numbers do not depend on how a text
/// is cut.
class TextCacheTest {
    private static final Path POCKET =
            Path.of(System.getProperty("lowrank.root", "..")).resolve("models/pocket");
    private static final SamplingOptions SAMPLED = new SamplingOptions(0.9, 40, 0.95, 1.1, 7);

    private final LanguageModel model = LanguageModel.open(POCKET);
    private final Tokenizer tokenizer = model.tokenizer();
    private final RowDecoder row = RowDecoder.of(model);
    private final TextCache cache = TextCache.of(model.spec(), DType.F32);
    private final List<Integer> read = new ArrayList<>();
    private final Generator generator = Generator.of(
            row,
            (tokens, kv) -> {
                read.add(tokens.length);
                return row.prefill(tokens, kv);
            },
            tokenizer);

    @AfterEach
    void close() {
        cache.close();
        row.close();
        tokenizer.close();
        model.close();
    }

    private static int[] join(int[] first, int[] second) {
        return IntStream.concat(IntStream.of(first), IntStream.of(second)).toArray();
    }

    private void assertAnswersAsAFreshRun(int[] prompt, SamplingOptions sampling) {
        var request = new Generator.Request(prompt, 12, sampling);
        var kept = generator.generate(request, cache);
        var fresh = Generator.of(row, tokenizer).generate(request);
        assertThat(kept.text()).isEqualTo(fresh.text());
        assertThat(kept.newTokens()).isEqualTo(fresh.newTokens());
        assertThat(kept.promptTokens()).isEqualTo(prompt.length);
        assertThat(kept.stop()).isEqualTo(fresh.stop());
    }

    @Test
    void laterTurnsReadOnlyWhatIsNewAndAnswerAsAFreshRun() {
        for (var sampling : List.of(SamplingOptions.greedy(), SAMPLED)) {
            read.clear();
            generator.generate(new Generator.Request(new int[] {0}, 1, sampling), cache); // another text
            read.clear();
            var text = tokenizer.encode("def add(first, second):\n    return");
            var expected = new ArrayList<Integer>();
            var added = text.length;
            for (var turn = 0; turn < 5; turn++) {
                expected.add(added);
                assertAnswersAsAFreshRun(text, sampling);
                var more = tokenizer.encode("\n\ndef turn_" + turn + "(value):\n    return");
                added = more.length;
                text = join(text, more);
            }
            assertThat(read).isEqualTo(expected);
        }
    }

    @Test
    void theAnswerItselfIsNotReadAgain() {
        var text = tokenizer.encode("import os\nimport sys\n\ndef main():\n");
        var answer = generator.generate(new Generator.Request(text, 8, SamplingOptions.greedy()), cache);
        var tokens = tokenizer.encode(answer.text());
        var next = join(join(text, tokens), tokenizer.encode("\n"));
        assertAnswersAsAFreshRun(next, SamplingOptions.greedy());
        assertThat(read.getLast()).as("answer of " + tokens.length).isLessThan(next.length - text.length);
    }

    @Test
    void anotherTextIsReadFromTheFirstDifference() {
        var text = tokenizer.encode("class Point:\n    def __init__(self, x, y):\n        self.x = x\n");
        assertAnswersAsAFreshRun(text, SamplingOptions.greedy());
        var other = text.clone();
        other[4] = other[4] + 1;
        assertAnswersAsAFreshRun(other, SamplingOptions.greedy());
        assertAnswersAsAFreshRun(other, SamplingOptions.greedy());
        assertThat(read).containsExactly(text.length, text.length - 4, 1);
    }
}
