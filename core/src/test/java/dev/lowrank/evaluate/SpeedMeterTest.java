package dev.lowrank.evaluate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.evaluate.SpeedMeter.Speed;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.tensor.DType;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.OptionalDouble;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SpeedMeterTest {
    private static final Path POCKET =
            Path.of(System.getProperty("lowrank.root", "..")).resolve("models/pocket");
    private static LanguageModel model;
    private static RowDecoder decoder;

    @BeforeAll
    static void open() {
        model = LanguageModel.open(POCKET);
        decoder = RowDecoder.of(model, 1);
    }

    @AfterAll
    static void close() {
        decoder.close();
        model.close();
    }

    private static int[] prompt(int tokens) {
        var prompt = new int[tokens];
        Arrays.setAll(prompt, i -> 1 + i % 4000);
        return prompt;
    }

    @Test
    void aSequenceIsMeasured() {
        var speed = new SpeedMeter(decoder, decoder, DType.F32).measureBesideMemory(prompt(12), 5, 2);
        assertThat(speed.promptTokens()).isEqualTo(12);
        assertThat(speed.decodedTokens()).isEqualTo(5);
        assertThat(speed.prefillTokensPerSecond()).isPositive().isFinite();
        assertThat(speed.decodeTokensPerSecond()).isPositive().isFinite();
        assertThat(speed.timeToFirstTokenSeconds()).isPositive();
        var times = speed.tokenSeconds();
        assertThat(times.p50()).isPositive().isLessThanOrEqualTo(times.p90());
        assertThat(times.p90()).isLessThanOrEqualTo(times.p99());
        assertThat(speed.joulesPerToken().isPresent())
                .isEqualTo(EnergyMeter.ofMachine().present());
    }

    @Test
    void aPromptIsCutToHalfTheContextAndDecodingToTheRest() {
        var context = model.spec().maxPositions();
        assertThat(SpeedMeter.fitting(prompt(context), model.spec())).hasSize(context / 2);
        assertThat(SpeedMeter.fitting(prompt(7), model.spec())).hasSize(7);
        var speed = new SpeedMeter((_, _) -> new float[] {0, 1}, decoder, DType.BF16)
                .measure(prompt(2 * context), context, 1);
        assertThat(speed.promptTokens()).isEqualTo(context / 2);
        assertThat(speed.decodedTokens()).isEqualTo(context / 2);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 16})
    void sequencesAreMeasuredSideBySide(int rows) {
        assertThat(new SpeedMeter(decoder, decoder, DType.F32).together(prompt(4), 3, rows, 2))
                .isPositive()
                .isFinite();
    }

    @Test
    void theBetterOfTwoIsTakenFigureByFigure() {
        var slow = new Percentiles(3, 4, 5);
        var fast = new Percentiles(1, 2, 3);
        var one = new Speed(8, 4, 100, 10, 7e9, 0.5, slow, OptionalDouble.of(2));
        var other = new Speed(8, 4, 90, 20, 6e9, 0.6, fast, OptionalDouble.of(3));
        var expected = new Speed(8, 4, 100, 20, 6e9, 0.5, fast, OptionalDouble.of(2));
        assertThat(one.best(other)).isEqualTo(expected);
        assertThat(other.best(one)).isEqualTo(expected);
        var without = new Speed(8, 4, 90, 20, 6e9, 0.6, fast, OptionalDouble.empty());
        assertThat(without.best(one).joulesPerToken()).hasValue(2);
        assertThat(one.best(without).joulesPerToken()).hasValue(2);
    }

    @Test
    void percentilesAreTheNearestRanks() {
        var values = new double[200];
        Arrays.setAll(values, i -> 200 - i);
        assertThat(Percentiles.of(values)).isEqualTo(new Percentiles(100, 180, 198));
        assertThat(Percentiles.of(7)).isEqualTo(new Percentiles(7, 7, 7));
        assertThat(values[0]).as("the caller's order stays").isEqualTo(200);
    }
}
