package dev.lowrank.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class CurvesTest {
    @Test
    void aFallingCurveStaysAsItIs() {
        var curve = new double[] {9, 4, 4, 1, 0.5, 0};
        assertThat(Curves.falling(curve)).containsExactly(curve).isNotSameAs(curve);
    }

    @Test
    void negativeEstimatesCountAsNothingLost() {
        assertThat(Curves.falling(new double[] {1, -0.1, 0})).containsExactly(1, 0, 0);
    }

    @Test
    void neighboursInTheWrongOrderMeetInTheMiddleOfTheirPool() {
        // 2 and 4 pool at 3, at rank 1.5; straight lines lead there from 8 and on to 1.
        assertThat(Curves.falling(new double[] {8, 2, 4, 1}))
                .containsExactly(new double[] {8, 8 - 5 / 1.5, 3 - 2 / 3.0, 1}, within(1e-12));
    }

    @Test
    void oneFarOffPointDoesNotPullItsNeighboursAlong() {
        var curve = new double[] {1, 0.9, 0.8, 0, 0.6, 0.5, 0.4, 0.3, 0.2, 0};
        var falling = Curves.falling(curve);
        assertThat(falling[3]).isBetween(0.5, 0.8);
        assertThat(Arrays.copyOfRange(falling, 6, 10)).containsExactly(0.4, 0.3, 0.2, 0);
    }

    @Test
    void anyCurveFallsAfterwardsAndStaysNearTheTruth() {
        var random = new SplittableRandom(19);
        for (var instance = 0; instance < 50; instance++) {
            var truth = new double[101];
            var noisy = new double[101];
            for (var r = 0; r <= 100; r++) {
                truth[r] = Math.pow(1 - r / 100.0, 3);
                noisy[r] = r == 100 ? 0 : truth[r] * (1 + 0.5 * random.nextGaussian());
            }
            var falling = Curves.falling(noisy);
            for (var r = 0; r < 100; r++) {
                assertThat(falling[r]).isGreaterThanOrEqualTo(falling[r + 1]);
            }
            assertThat(distance(falling, truth)).isLessThan(distance(noisy, truth));
        }
    }

    @Test
    void tailEnergyStartsAtOneAndEndsAtZero() {
        assertThat(Curves.tailEnergy(new double[] {3, 2, 1})).containsExactly(1, 5 / 14.0, 1 / 14.0, 0);
        assertThat(Curves.tailEnergy(new double[3])).containsExactly(0, 0, 0, 0);
    }

    private static double distance(double[] a, double[] b) {
        var sum = 0.0;
        for (var i = 0; i < a.length; i++) {
            sum += Math.abs(a[i] - b[i]);
        }
        return sum;
    }

    @Test
    void lossesAreReadAtTheRankOfARung() {
        var problem = Samples.problem(1, 0.5, 2);
        var ladder = Ladder.of(problem.evidence().getFirst(), problem, 4);
        var curve = problem.evidence().getFirst().divergence();
        var losses = Curves.onRungs(ladder, curve);
        assertThat(losses[0]).isEqualTo(curve[4], within(0.0));
        assertThat(losses[1]).isEqualTo(curve[8], within(0.0));
        assertThat(losses[ladder.dense()]).isZero();
    }
}
