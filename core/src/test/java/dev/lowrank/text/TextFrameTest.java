package dev.lowrank.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.testing.GoldenEncoder;
import org.junit.jupiter.api.Test;

class TextFrameTest {
    private static final TextFrame FRAME = new TextFrame(2, 3);

    @Test
    void aTextStandsBetweenItsTwoTokens() {
        var framed = FRAME.single(new int[] {7, 8}, 10);
        assertThat(framed.ids()).containsExactly(2, 7, 8, 3);
        assertThat(framed.segments()).containsOnly(0);
        assertThat(framed.truncated()).isFalse();
    }

    @Test
    void theEndOfALongTextIsLeftOutAndTheLastTokenKept() {
        var framed = FRAME.single(new int[] {7, 8, 9, 10}, 5);
        assertThat(framed.ids()).containsExactly(2, 7, 8, 9, 3);
        assertThat(framed.truncated()).isTrue();
    }

    @Test
    void thePartsOfAPairAreSegments() {
        var framed = FRAME.pair(new int[] {7, 8}, new int[] {9}, 10);
        assertThat(framed.ids()).containsExactly(2, 7, 8, 3, 9, 3);
        assertThat(framed.segments()).containsExactly(0, 0, 0, 0, 1, 1);
    }

    @Test
    void theLongerPartOfAPairIsCutFirst() {
        var framed = FRAME.pair(new int[] {7, 8, 9, 10, 11}, new int[] {12, 13}, 7);
        assertThat(framed.ids()).containsExactly(2, 7, 8, 3, 12, 13, 3);
        assertThat(framed.truncated()).isTrue();
    }

    @Test
    void wordPiecesAndTheirFrameComeFromTheTokenizersFile() {
        try (var tokenizer = Tokenizer.open(GoldenEncoder.SENTENCE.folder())) {
            assertThat(tokenizer.frame()).isEqualTo(FRAME);
            assertThat(tokenizer.mask()).hasValue(4);
            var ids = tokenizer.encode("The horse RUNS, caf\u00e9!");
            assertThat(java.util.Arrays.stream(ids).mapToObj(tokenizer::token))
                    .containsExactly("the", "horse", "runs", ",", "c", "##a", "##f", "##e", "!");
            assertThat(tokenizer.encodeWithSpecials("a dog"))
                    .containsExactly(FRAME.single(tokenizer.encode("a dog"), 9).ids());
        }
    }

    @Test
    void aTokenizerThatFramesNothingIsRefused() {
        var folder =
                java.nio.file.Path.of(System.getProperty("lowrank.root", "..")).resolve("models/pocket");
        try (var tokenizer = Tokenizer.open(folder)) {
            assertThatThrownBy(tokenizer::frame)
                    .isInstanceOf(TextException.class)
                    .hasMessageContaining("one before");
            assertThat(tokenizer.mask()).isEmpty();
        }
    }
}
