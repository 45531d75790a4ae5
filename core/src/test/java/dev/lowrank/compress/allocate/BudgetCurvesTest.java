package dev.lowrank.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.compress.storage.StoragePolicy;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class BudgetCurvesTest {
    @Test
    void theCurvesAddUpToWhatTheKnapsackPredicts() {
        var problem = Samples.problem(3, 0.6, 1);
        var curves = Objects.requireNonNull(BudgetCurves.of(Knapsack.of(8, 0), problem));
        var plan = Knapsack.of(8, 0).allocate(problem);
        var sum = 0.0;
        for (var i = 0; i < curves.sites().size(); i++) {
            var losses = curves.sites().get(i).losses();
            var choice = plan.of(problem.evidence().get(i).site());
            sum += losses[choice.isDense() ? losses.length - 1 : choice.rank()];
        }
        assertThat(sum).isCloseTo(plan.predictedLoss(), within(1e-15));
    }

    @Test
    void theySayHowTheKnapsackGoesAboutIt() {
        var problem = Samples.problem(Samples.evidence(2, 3), StoragePolicy.FACTORED, CostUnit.DECODE_BYTES, 0.6);
        var bounded =
                new WithinBound(Knapsack.of(8, 0).withFloor(0.1), CostUnit.DECODE_BYTES, new PerplexityIncrease(0.05));
        var curves = Objects.requireNonNull(BudgetCurves.of(bounded, problem));
        assertThat(curves.unit()).isEqualTo(CostUnit.DECODE_BYTES);
        assertThat(curves.step()).isEqualTo(8);
        assertThat(curves.floor()).isEqualTo(0.1);
        assertThat(curves.forms()).containsExactly("factored");
    }

    @Test
    void rulesThatGoByMoreThanCurvesHaveNone() {
        var problem = Samples.problem(2, 0.6, 1);
        assertThat(BudgetCurves.of(Knapsack.of(8, 1), problem)).isNull();
        assertThat(BudgetCurves.of(Knapsack.of(8, 0).withSource(Sensitivity.TRIAL_LOSS), problem))
                .isNull();
        assertThat(BudgetCurves.of(new Uniform(), problem)).isNull();
    }
}
