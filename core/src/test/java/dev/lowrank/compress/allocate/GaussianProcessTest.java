package dev.lowrank.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class GaussianProcessTest {
    @Test
    void passesThroughItsPointsAndIsUnsureFarFromThem() {
        var points = List.of(new double[] {0}, new double[] {0.3}, new double[] {0.6}, new double[] {1});
        var values = List.of(1.0, 0.2, -0.4, 0.9);
        var process = GaussianProcess.fit(points, values);
        for (var i = 0; i < points.size(); i++) {
            assertThat(process.at(points.get(i)).mean()).isCloseTo(values.get(i), within(0.15));
        }
        assertThat(process.at(new double[] {9}).deviation())
                .isGreaterThan(3 * process.at(new double[] {0.3}).deviation());
        assertThat(process.at(new double[] {40}).mean()).isCloseTo(0.425, within(1e-3));
    }

    @Test
    void predictsASmoothFunctionBetterThanItsMean() {
        var random = new SplittableRandom(3);
        var points = new ArrayList<double[]>();
        var values = new ArrayList<Double>();
        for (var i = 0; i < 30; i++) {
            var point = random.doubles(3).toArray();
            points.add(point);
            values.add(bowl(point));
        }
        var process = GaussianProcess.fit(points, values);
        var wrong = 0.0;
        var spread = 0.0;
        for (var i = 0; i < 100; i++) {
            var point = random.doubles(3).toArray();
            wrong += Math.pow(process.at(point).mean() - bowl(point), 2);
            spread += Math.pow(0.25 - bowl(point), 2);
        }
        assertThat(wrong).isLessThan(0.1 * spread);
    }

    private static double bowl(double[] x) {
        return Math.pow(x[0] - 0.5, 2) + Math.pow(x[1] - 0.5, 2) + Math.pow(x[2] - 0.5, 2);
    }

    @Test
    void equalValuesAreNoDivisionByZero() {
        var process = GaussianProcess.fit(List.of(new double[] {0.5}, new double[] {0.5}), List.of(2.0, 2.0));
        assertThat(process.at(new double[] {0.1}).mean()).isEqualTo(2.0);
    }

    @Test
    void expectedImprovementMatchesItsIntegral() {
        var belief = new GaussianProcess.Belief(1.3, 0.7);
        var sum = 0.0;
        var step = 1e-4;
        for (var z = -8.0; z < 8; z += step) {
            var value = 1.3 + 0.7 * z;
            sum += Math.max(0, 1 - value) * Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI) * step;
        }
        assertThat(belief.expectedImprovement(1)).isCloseTo(sum, within(1e-6));
        assertThat(new GaussianProcess.Belief(1.3, 0).expectedImprovement(1)).isZero();
        assertThat(new GaussianProcess.Belief(0.7, 0).expectedImprovement(1)).isCloseTo(0.3, within(1e-15));
    }

    @Test
    void theNormalDistributionFunctionHasItsTabulatedValues() {
        assertThat(GaussianProcess.Belief.cumulative(0)).isCloseTo(0.5, within(1e-7));
        assertThat(GaussianProcess.Belief.cumulative(1.96)).isCloseTo(0.9750021, within(1e-7));
        assertThat(GaussianProcess.Belief.cumulative(-1)).isCloseTo(0.1586553, within(1e-7));
    }
}
