package dev.lowrank.evaluate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class PassAtKTest {
    @Test
    void equalsTheShareOfDrawsWithAPassAmongThem() {
        for (var samples = 1; samples <= 8; samples++) {
            for (var passed = 0; passed <= samples; passed++) {
                for (var k = 1; k <= samples; k++) {
                    assertThat(PassAtK.estimate(samples, passed, k))
                            .as("n=%d c=%d k=%d", samples, passed, k)
                            .isCloseTo(shareOfDraws(samples, passed, k), within(1e-12));
                }
            }
        }
    }

    /// Counts all draws of `k` of the samples, of which the first `passed` passed.
    private static double shareOfDraws(int samples, int passed, int k) {
        var draws = 0;
        var withPass = 0;
        for (var draw = 0; draw < 1 << samples; draw++) {
            if (Integer.bitCount(draw) == k) {
                draws++;
                withPass += (draw & ((1 << passed) - 1)) == 0 ? 0 : 1;
            }
        }
        return (double) withPass / draws;
    }

    @Test
    void ofOneSampleIsWhetherItPassed() {
        assertThat(PassAtK.estimate(1, 0, 1)).isZero();
        assertThat(PassAtK.estimate(1, 1, 1)).isEqualTo(1);
    }

    @Test
    void staysAProbabilityForManySamples() {
        assertThat(PassAtK.estimate(200, 3, 100)).isBetween(0.87, 0.88);
        assertThat(PassAtK.estimate(100_000, 1, 1)).isCloseTo(1e-5, within(1e-12));
    }

    @Test
    void refusesNumbersThatSayNothing() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PassAtK.estimate(0, 0, 1))
                .withMessageContaining("0 samples");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PassAtK.estimate(5, 6, 1))
                .withMessageContaining("6 of 5");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PassAtK.estimate(5, -1, 1))
                .withMessageContaining("-1 of 5");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PassAtK.estimate(5, 1, 10))
                .withMessageContaining("at least 10 samples");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PassAtK.estimate(5, 1, 0))
                .withMessageContaining("pass@0");
    }
}
