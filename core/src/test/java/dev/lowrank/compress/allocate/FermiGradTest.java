package dev.lowrank.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.compress.storage.StoragePolicy;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FermiGradTest {
    @Test
    void theSlopeIsTheDerivativeOfTheSoftlyTruncatedCurve() {
        var curve = Samples.evidence(1, 3).getFirst().divergence();
        for (var temperature : new double[] {1, 4, 9}) {
            for (var rank : new double[] {3.2, 20, 45.7}) {
                var step = 1e-5;
                var difference =
                        (soft(curve, rank + step, temperature) - soft(curve, rank - step, temperature)) / (2 * step);
                assertThat(FermiGrad.slope(curve, rank, temperature))
                        .isCloseTo(difference, within(1e-6 * Math.abs(difference)));
            }
        }
    }

    private static double soft(double[] curve, double rank, double temperature) {
        var sum = curve[0];
        for (var i = 0; i + 1 < curve.length; i++) {
            sum += (curve[i + 1] - curve[i]) / (1 + Math.exp((i + 0.5 - rank) / temperature));
        }
        return sum;
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.9, 0.7, 0.5, 0.3})
    void comesCloseToTheKnapsackFromAnEqualStart(double keep) {
        var problem = Samples.problem(Samples.evidence(4, 3), StoragePolicy.PIVOTED, CostUnit.PARAMETERS, keep);
        var uniform = Samples.divergence(problem.evidence(), new Uniform().allocate(problem));
        var knapsack = Knapsack.of(1, 0).allocate(problem).predictedLoss();
        var found = FermiGrad.of(Sensitivity.DIVERGENCE).allocate(problem).predictedLoss();
        assertThat(uniform - found).isGreaterThan(0.8 * (uniform - knapsack));
    }

    @Test
    void refiningAnyPlanNeverRaisesItsEstimate() {
        for (var keep : new double[] {0.8, 0.4}) {
            var problem = Samples.problem(4, keep, 21);
            for (var start : AllocatorContractTest.budgeted()) {
                var plan = start.allocate(problem);
                var refined = FermiGrad.of(Sensitivity.DIVERGENCE).refine(problem, plan);
                assertThat(refined.cost()).isLessThanOrEqualTo(problem.limit());
                assertThat(refined.predictedLoss())
                        .as(start.info().id())
                        .isLessThanOrEqualTo(Samples.divergence(problem.evidence(), plan) * (1 + 1e-12));
            }
        }
    }

    @Test
    void refiningTheUniformPlanImprovesIt() {
        var problem = Samples.problem(4, 0.6, 21);
        var plan = new Uniform().allocate(problem);
        assertThat(FermiGrad.of(Sensitivity.DIVERGENCE).refine(problem, plan).predictedLoss())
                .isLessThan(0.9 * Samples.divergence(problem.evidence(), plan));
    }
}
