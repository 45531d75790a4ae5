package dev.lowrank.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class RefinedTest {
    private static final AllocatorOptions OPTIONS = AllocatorOptions.DEFAULT;

    @Test
    void aPlanIsTakenFurther() {
        var problem = Samples.problem(4, 0.6, 21);
        var plan = Allocators.of("uniform", OPTIONS).allocate(problem);
        var refined = Allocators.of("uniform+fermi", OPTIONS).allocate(problem);
        assertThat(Samples.divergence(problem.evidence(), refined))
                .isLessThan(0.9 * Samples.divergence(problem.evidence(), plan));
        assertThat(refined.cost()).isLessThanOrEqualTo(problem.limit());
    }

    @Test
    void marksAndNotesOfTheFirstPlanStay() {
        var problem = Samples.problem(3, 0.6, 21);
        var first = Allocators.of("welore", OPTIONS).allocate(problem);
        var refined = Allocators.of("welore+fermi", OPTIONS);
        assertThat(refined.allocate(problem).marks()).isEqualTo(first.marks());
        assertThat(refined.info().id()).isEqualTo("welore+fermi");
        assertThat(refined.info().needs()).contains(Sensitivity.DIVERGENCE, Sensitivity.SPECTRUM);
    }

    @Test
    void whatSpendsNothingOrDescendsAlreadyIsNotRefined() {
        assertThat(Allocators.spenders())
                .contains("zs-svd+fermi", "knapsack+fermi")
                .doesNotContain("rank", "rank+fermi", "fermi+fermi");
        for (var id : new String[] {"rank+fermi", "fermi+fermi"}) {
            assertThatThrownBy(() -> Allocators.of(id, OPTIONS))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(id);
        }
    }

    @Test
    void measuredCurvesGoThroughWhatTheTrialsSay() {
        var sample = Samples.problem(2, 0.6, 4);
        var blind = sample.withEvidence(sample.evidence().stream()
                .map(one -> Evidence.of(one.site(), one.dtype()).withSingular(one.singular()))
                .toList());
        var curves = MeasuredCurves.around(Ladders.of(blind)).evidence();
        var ladders = Ladders.of(sample);
        for (var i = 0; i < curves.size(); i++) {
            // The samples' divergences have the shape of the energy, so one point is the whole curve.
            var truth = sample.evidence().get(i).divergence();
            var at = ladders.get(i).rank(0);
            assertThat(curves.get(i).divergence()[at] / truth[at]).isBetween(0.999, 1.001);
        }
        var byTrial = Knapsack.of(1, 0).withSource(Sensitivity.TRIAL_LOSS).allocate(blind);
        var byEstimate = Knapsack.of(1, 0).allocate(sample);
        assertThat(Samples.divergence(sample.evidence(), byTrial))
                .isBetween(byEstimate.predictedLoss() * 0.999, byEstimate.predictedLoss() * 1.001);
    }
}
