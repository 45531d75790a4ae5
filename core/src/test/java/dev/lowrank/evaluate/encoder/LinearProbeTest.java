package dev.lowrank.evaluate.encoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.evaluate.encoder.LabelTask.Example;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.testing.NoNativeLeaks;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;

@NoNativeLeaks
class LinearProbeTest {
    private static final int WIDTH = 6;

    /// Points whose label is the side of a plane, but for some noise.
    private static double[][] points(int count, long seed) {
        var random = new SplittableRandom(seed);
        return IntStream.range(0, count)
                .mapToObj(i -> random.doubles(WIDTH, -1, 1).toArray())
                .toArray(double[][]::new);
    }

    private static int[] sides(double[][] points, double noise, long seed) {
        var random = new SplittableRandom(seed);
        return java.util.Arrays.stream(points)
                .mapToInt(p -> p[0] - 2 * p[3] + 0.3 + noise * random.nextGaussian() > 0 ? 1 : 0)
                .toArray();
    }

    private static double share(int[] told, int[] labels) {
        return IntStream.range(0, told.length).filter(i -> told[i] == labels[i]).count() / (double) told.length;
    }

    @Test
    void thePlaneBetweenLabelsIsFound() {
        var seen = points(400, 1);
        var other = points(400, 2);
        var probe = LinearProbe.fit(seen, sides(seen, 0.2, 3));
        assertThat(share(probe.predict(other), sides(other, 0, 0))).isGreaterThan(0.95);
    }

    @Test
    void theScaleOfFeaturesDoesNotMatterAndConstantOnesDoNoHarm() {
        var seen = points(200, 4);
        var labels = sides(seen, 0.1, 5);
        var scaled = java.util.Arrays.stream(seen)
                .map(p -> new double[] {1e4 * p[0] + 7, p[1], p[2], 1e-3 * p[3], p[4], p[5], 42})
                .toArray(double[][]::new);
        assertThat(LinearProbe.fit(scaled, labels).predict(scaled))
                .containsExactly(LinearProbe.fit(seen, labels).predict(seen));
    }

    @Test
    void noiseIsShrunkMoreThanSignal() {
        var seen = points(200, 6);
        var random = new SplittableRandom(7);
        var noise = random.ints(200, 0, 2).toArray();
        assertThat(LinearProbe.fit(seen, noise).ridge())
                .isGreaterThan(LinearProbe.fit(seen, sides(seen, 0, 0)).ridge());
    }

    @Test
    void unusableExamplesAreRefused() {
        var seen = points(20, 8);
        assertThatThrownBy(() -> LinearProbe.fit(seen, new int[20])).hasMessageContaining("both labels");
        assertThatThrownBy(() -> LinearProbe.fit(points(4, 9), new int[] {0, 1, 0, 1}))
                .hasMessageContaining("10");
        seen[3][2] = Double.NaN;
        assertThatThrownBy(() -> LinearProbe.fit(seen, sides(points(20, 8), 0, 0)))
                .isInstanceOf(NumericalException.class)
                .hasMessageContaining("feature 2");
    }

    @Test
    void accuracyAndF1CountAsTheirDefinitionsSay() {
        var examples = IntStream.of(1, 1, 1, 0, 0)
                .mapToObj(label -> new Example("x", null, label))
                .toList();
        var found = LabelScores.of("test", new int[] {1, 1, 0, 1, 0}, examples, 0);
        assertThat(found.accuracy()).isEqualTo(0.6);
        assertThat(found.accuracyError()).isEqualTo(Math.sqrt(0.6 * 0.4 / 4));
        assertThat(found.f1()).isCloseTo(2.0 / 3, Assertions.within(1e-15)); // precision and recall 2/3
        assertThat(found.f1Error()).isBetween(0.1, 0.4);
        assertThat(LabelScores.of("test", new int[] {1, 1, 0, 1, 0}, examples, 0))
                .isEqualTo(found);
    }

    @Test
    void labelsOfAClassifierAreMatchedByNameNotPlace() {
        assertThat(LabelTask.RTE.numbers(List.of("not_entailment", "entailment")))
                .hasValueSatisfying(numbers -> assertThat(numbers).containsExactly(1, 0));
        assertThat(LabelTask.SST2.numbers(List.of("NEGATIVE", "POSITIVE"))).isPresent();
        assertThat(LabelTask.MRPC.numbers(List.of("LABEL_0", "LABEL_1"))).isPresent();
        assertThat(LabelTask.SST2.numbers(List.of("entailment", "not_entailment")))
                .isEmpty();
        assertThat(LabelTask.RTE.numbers(List.of("entailment", "neutral", "not_entailment")))
                .isEmpty();
    }
}
