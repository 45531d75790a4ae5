package dev.lowrank.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.text.TextException.Code;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TextSetsTest {
    private static final Corpus DIGITS = corpus("digits.txt", "0123456789 the quick brown fox. ".repeat(40));
    private static final Corpus WORDS = corpus("words.txt", "Lorem ipsum dolor sit amet, consectetur! ".repeat(60));
    private static Tokenizer tokenizer;

    @BeforeAll
    static void open() {
        tokenizer = TinyTokenizer.open();
    }

    @AfterAll
    static void close() {
        tokenizer.close();
    }

    @Test
    void windowsAreConsecutiveAndTheTailIsDropped() {
        var ids = new int[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
        assertThat(new Windows(3, 100).cut(ids))
                .containsExactly(new int[] {0, 1, 2}, new int[] {3, 4, 5}, new int[] {6, 7, 8});
        assertThat(new Windows(3, 2).cut(ids)).hasSize(2);
        assertThat(new Windows(11, 2).cut(ids)).isEmpty();
        assertThat(new Windows(10, 2).cut(ids)).hasSize(1);
    }

    @Test
    void aWindowPredictsSomething() {
        assertThatThrownBy(() -> new Windows(1, 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Windows(8, 0)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void evaluationTakesTheFirstWindowsOfOneEncoding() {
        var set = EvaluationSet.firstWindows(tokenizer, DIGITS, 16, 5);
        var ids = tokenizer.encode(DIGITS.text());
        assertThat(set.size()).isEqualTo(5);
        for (var i = 0; i < 5; i++) {
            assertThat(set.windows().get(i)).isEqualTo(Arrays.copyOfRange(ids, 16 * i, 16 * (i + 1)));
        }
        assertThat(set.identity().tokens()).isEqualTo(80);
        assertThat(set.identity().files())
                .containsExactly(new TextIdentity.Source("digits.txt", DIGITS.sha256(), ids.length));
        assertThat(ValidationSet.firstWindows(tokenizer, DIGITS, 16, 5)
                        .windows()
                        .get(4))
                .isEqualTo(set.windows().get(4));
    }

    @Test
    void calibrationMixesTextsEvenlyAndTakesWholeSlices() {
        var set = CalibrationSet.sample(tokenizer, List.of(DIGITS, WORDS), 11, 16, 5);
        var texts = List.of(tokenizer.encode(DIGITS.text()), tokenizer.encode(WORDS.text()));
        assertThat(set.size()).isEqualTo(11);
        for (var i = 0; i < 11; i++) {
            assertThat(isSlice(set.windows().get(i), texts.get(i % 2))).isTrue();
            assertThat(isSlice(set.windows().get(i), texts.get(1 - i % 2))).isFalse();
        }
        assertThat(set.identity().files())
                .extracting(TextIdentity.Source::name)
                .containsExactly("digits.txt", "words.txt");
        assertThat(set.identity().seed()).isEqualTo(5);
        assertThat(set.identity().tokens()).isEqualTo(11 * 16);
    }

    @Test
    void theSeedDecidesTheWindows() {
        var first = windows(1);
        assertThat(first).isEqualTo(windows(1)).isNotEqualTo(windows(2));
    }

    @Test
    void theWindowsOfASeedNeverChange() {
        var starts = CalibrationSet.sample(tokenizer, List.of(DIGITS), 4, 16, 3);
        var ids = tokenizer.encode(DIGITS.text());
        var random = new java.util.SplittableRandom(3);
        for (var window : starts.windows()) {
            var start = random.nextInt(ids.length - 17);
            assertThat(window).isEqualTo(Arrays.copyOfRange(ids, start, start + 16));
        }
    }

    @Test
    void everyPlaceIsReachedAndNoneBeyond() {
        var text = corpus("short.txt", "abcdefgh".repeat(4));
        var tokens = tokenizer.encode(text.text()).length;
        var set = CalibrationSet.sample(tokenizer, List.of(text), 2000, tokens - 4, 9);
        assertThat(set.windows().stream().map(Arrays::toString).distinct().count())
                .isBetween(1L, 3L);
        assertThat(CalibrationSet.sample(tokenizer, List.of(text), 5, tokens - 2, 9)
                        .size())
                .isEqualTo(5);
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 0, 100})
    void aTextShorterThanAWindowSaysHowManyTokensItHas(int over) {
        var tokens = tokenizer.encode(DIGITS.text()).length;
        assertThatThrownBy(() -> CalibrationSet.sample(tokenizer, List.of(WORDS, DIGITS), 8, tokens + over, 1))
                .isInstanceOfSatisfying(
                        TextException.class, e -> assertThat(e.code()).isEqualTo(Code.DATA_SHORT))
                .hasMessageContaining(tokens + " tokens")
                .hasMessageContaining("smaller window");
    }

    @Test
    void anEvaluationTextShorterThanAWindowIsRefused() {
        assertThatThrownBy(() -> EvaluationSet.firstWindows(tokenizer, DIGITS, 100_000, 1))
                .isInstanceOf(TextException.class)
                .hasMessageContaining("digits.txt");
    }

    @Test
    void fewerSamplesThanTextsAreRefused() {
        assertThatThrownBy(() -> CalibrationSet.sample(tokenizer, List.of(DIGITS, WORDS), 1, 16, 1))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> CalibrationSet.sample(tokenizer, List.of(), 1, 16, 1))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aSetCannotBeChangedFromOutside() {
        var given = new int[] {1, 2, 3};
        var set = EvaluationSet.of(List.of(given), new TextIdentity(List.of(), "by hand", 3, 1, 0, 3));
        given[0] = 9;
        set.windows().getFirst()[1] = 9;
        assertThat(set.windows()).containsExactly(new int[] {1, 2, 3});
    }

    private static List<String> windows(long seed) {
        return CalibrationSet.sample(tokenizer, List.of(DIGITS, WORDS), 8, 16, seed).windows().stream()
                .map(Arrays::toString)
                .toList();
    }

    private static boolean isSlice(int[] window, int[] ids) {
        for (var start = 0; start + window.length <= ids.length; start++) {
            if (Arrays.mismatch(window, 0, window.length, ids, start, start + window.length) < 0) {
                return true;
            }
        }
        return false;
    }

    private static Corpus corpus(String name, String text) {
        return Corpus.of(name, TinyTokenizer.utf8(text));
    }
}
