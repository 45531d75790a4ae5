package dev.lowrank.evaluate.encoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class CorrelationTest {
    @Test
    void equalValuesShareTheMeanOfTheirRanks() {
        assertThat(Correlation.ranks(new double[] {3, 1, 3, 2, 3})).containsExactly(4, 1, 4, 2, 4);
    }

    @Test
    void spearmanSeesOnlyOrder() {
        var x = new double[] {1, 2, 3, 4};
        assertThat(Correlation.spearman(x, new double[] {1, 10, 100, 1000})).isCloseTo(1, within(1e-15));
        assertThat(Correlation.spearman(x, new double[] {9, 8, 7, -5})).isCloseTo(-1, within(1e-15));
        assertThat(Correlation.pearson(x, new double[] {1, 10, 100, 1000})).isLessThan(0.9);
    }

    @Test
    void smallCasesHaveTheValuesOfTheDefinition() {
        // By hand: covariance 1.5, variances 5 and 5 (times n) in the first, ranks 1 2.5 2.5 4 against 1 2 3 4 below.
        assertThat(Correlation.pearson(new double[] {1, 2, 3, 4}, new double[] {2, 1, 4, 3}))
                .isCloseTo(0.6, within(1e-15));
        assertThat(Correlation.spearman(new double[] {0, 5, 5, 9}, new double[] {1, 2, 3, 4}))
                .isCloseTo(4.5 / Math.sqrt(4.5 * 5), within(1e-15));
        assertThat(Correlation.pearson(new double[] {1, 1}, new double[] {1, 2}))
                .isNaN();
    }
}
