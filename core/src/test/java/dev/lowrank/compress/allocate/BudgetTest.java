package dev.lowrank.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.NumericalException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BudgetTest {
    private static final LinearSite SITE = Samples.site(2, Role.UP_PROJ, 30, 10);

    @Test
    void aShareIsTakenInDecimals() {
        for (var tenths = 1; tenths <= 10; tenths++) {
            var budget = new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(tenths / 10.0));
            assertThat(budget.limit(10_000_000_000L)).isEqualTo(tenths * 1_000_000_000L);
            assertThat(budget.limit(10_000_000_001L)).isBetween(tenths * 1_000_000_000L, tenths * 1_000_000_000L + 1);
        }
        assertThat(new Budget.Absolute(CostUnit.BYTES, 25).share(100)).isEqualTo(0.25);
        assertThat(new Budget.Absolute(CostUnit.BYTES, 250).share(100)).isEqualTo(1);
        assertThatThrownBy(() -> new Budget.Absolute(CostUnit.BYTES, 0)).hasMessageContaining("bytes");
    }

    @Test
    void unitsCountWhatTheyName() {
        var biased = new LinearSite(0, Role.Q_PROJ, "q", 10, 30, true, LinearSite.Layout.OUT_IN);
        var pivoted = new Choice(StorageForm.PIVOTED, 4);
        assertThat(CostUnit.PARAMETERS.cost(biased, DType.BF16, pivoted)).isEqualTo(4 * 36);
        assertThat(CostUnit.BYTES.cost(biased, DType.BF16, pivoted)).isEqualTo(2 * 4 * 36 + 4 * 30);
        assertThat(CostUnit.DECODE_BYTES.cost(biased, DType.BF16, pivoted)).isEqualTo(2 * 4 * 36 + 4 * 30 + 2 * 30);
        assertThat(CostUnit.DECODE_BYTES.cost(SITE, DType.F32, Choice.dense(SITE)))
                .isEqualTo(1200);
        assertThat(CostUnit.of("decode-bytes")).isEqualTo(CostUnit.DECODE_BYTES);
        assertThatThrownBy(() -> CostUnit.of("bits")).hasMessageContaining("parameters, bytes, decode-bytes");
    }

    @ParameterizedTest
    @EnumSource(CostUnit.class)
    void rungsRiseInCostAndRankUpToDense(CostUnit unit) {
        for (var storage : StoragePolicy.values()) {
            for (var one : Samples.evidence(1, 1)) {
                var problem = Samples.problem(List.of(one), storage, unit, 0.5);
                var ladder = Ladder.of(one, problem, 3);
                for (var rung = 1; rung < ladder.size(); rung++) {
                    assertThat(ladder.cost(rung)).isGreaterThan(ladder.cost(rung - 1));
                    assertThat(ladder.rank(rung)).isGreaterThan(ladder.rank(rung - 1));
                }
                assertThat(ladder.isDense(ladder.dense())).isTrue();
                for (var rung = 0; rung < ladder.size(); rung++) {
                    assertThat(ladder.within((double) ladder.cost(rung))).isEqualTo(rung);
                    assertThat(ladder.atLeast((double) ladder.cost(rung))).isEqualTo(rung);
                    assertThat(ladder.holding(ladder.rank(rung))).isEqualTo(rung);
                    assertThat(ladder.nearest(ladder.choice(rung), unit)).isEqualTo(rung);
                }
                assertThat(ladder.within(ladder.denseCost() - 1.0))
                        .isLessThan(ladder.dense() + (ladder.size() == 1 ? 1 : 0));
            }
        }
    }

    @Test
    void twoFactorsHaveABreakEvenAndThePivotedFormHasNone() {
        var site = Samples.site(0, Role.O_PROJ, 64, 64);
        var one = Evidence.of(site, DType.F32);
        var factored = Ladder.of(one, Samples.problem(List.of(one), StoragePolicy.FACTORED, CostUnit.PARAMETERS, 1), 1);
        var pivoted = Ladder.of(one, Samples.problem(List.of(one), StoragePolicy.PIVOTED, CostUnit.PARAMETERS, 1), 1);
        assertThat(factored.rank(factored.dense() - 1)).isEqualTo(31);
        assertThat(pivoted.rank(pivoted.dense() - 1)).isEqualTo(55); // r (128 - r) and an index of 64
    }

    @Test
    void autoTakesTheCheaperForm() {
        var site = Samples.site(0, Role.O_PROJ, 200, 60);
        var one = Evidence.of(site, DType.BF16);
        var bytes = Ladder.of(one, Samples.problem(List.of(one), StoragePolicy.AUTO, CostUnit.BYTES, 1), 1);
        // r² numbers of 2 bytes saved against an index of 800 bytes: equal at rank 20.
        assertThat(bytes.choice(bytes.holding(19)).form()).isEqualTo(StorageForm.FACTORED);
        assertThat(bytes.choice(bytes.holding(21)).form()).isEqualTo(StorageForm.PIVOTED);
        var numbers = Ladder.of(one, Samples.problem(List.of(one), StoragePolicy.AUTO, CostUnit.PARAMETERS, 1), 1);
        assertThat(numbers.choice(numbers.holding(19)).form()).isEqualTo(StorageForm.PIVOTED);
    }

    @Test
    void evidenceThatIsNotFiniteNamesItsSite() {
        for (var broken : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
            var bare = Evidence.of(SITE, DType.F32);
            assertThatThrownBy(() -> bare.withSingular(new double[] {broken, 0}))
                    .isInstanceOf(NumericalException.class)
                    .hasMessageContaining(SITE.name());
            assertThatThrownBy(() -> bare.withDivergence(new double[] {1, broken, 0}))
                    .isInstanceOf(NumericalException.class)
                    .hasMessageContaining(SITE.name());
            assertThatThrownBy(() -> bare.withFirstOrder(new double[] {broken}))
                    .isInstanceOf(NumericalException.class)
                    .hasMessageContaining(SITE.name());
        }
        assertThatThrownBy(() -> Evidence.of(SITE, DType.F32).withBlockInfluence(Double.NEGATIVE_INFINITY))
                .isInstanceOf(NumericalException.class)
                .hasMessageContaining("block influence");
    }

    @Test
    void oneMeasuredDivergenceGivesACurveInTheShapeOfTheDroppedEnergy() {
        var one = Evidence.of(SITE, DType.F32).withSingular(new double[] {4, 3, 2, 1});
        assertThat(one.withDivergenceAt(2, 0.5).divergence())
                .containsExactly(new double[] {3, 1.4, 0.5, 0.1, 0}, within(1e-12));
        assertThatThrownBy(() -> one.withDivergenceAt(4, 0.5)).hasMessageContaining(SITE.name());
        assertThatThrownBy(() -> Evidence.of(SITE, DType.F32).withDivergenceAt(0, 0.5))
                .hasMessageContaining("says nothing");
    }

    @Test
    void evidenceMustAgreeWithItselfAndItsSite() {
        var bare = Evidence.of(SITE, DType.F32);
        assertThatThrownBy(() -> bare.withSingular(new double[] {1, 2})).hasMessageContaining("descending");
        assertThatThrownBy(() -> bare.withSingular(new double[] {1, -2})).hasMessageContaining("negative");
        assertThatThrownBy(() -> bare.withSingular(new double[11])).hasMessageContaining("at most 10");
        assertThatThrownBy(() -> bare.withSingular(new double[4]).withDivergence(new double[4]))
                .hasMessageContaining(SITE.name());
        assertThat(bare.components()).isEqualTo(10);
        assertThat(bare.withDivergence(new double[5]).components()).isEqualTo(4);
        assertThat(bare.has(Sensitivity.TRIAL_LOSS)).isFalse();
    }

    @Test
    void aProblemNeedsSitesAndTellsThemApart() {
        var one = Evidence.of(SITE, DType.F32);
        assertThatThrownBy(() -> Samples.problem(List.of(), StoragePolicy.AUTO, CostUnit.BYTES, 0.5))
                .hasMessageContaining("no target site");
        assertThatThrownBy(() -> Samples.problem(List.of(one, one), StoragePolicy.AUTO, CostUnit.BYTES, 0.5))
                .hasMessageContaining("two pieces of evidence for " + SITE.name());
    }

    @Test
    void anAllocationAnswersOnlyForItsSites() {
        var allocation = new Allocation(Map.of(SITE, Choice.dense(SITE)), 1, Double.NaN, Map.of(), List.of());
        assertThat(allocation.of(SITE).rank()).isEqualTo(10);
        assertThatThrownBy(() -> allocation.of(Samples.site(0, Role.Q_PROJ, 3, 3)))
                .hasMessageContaining("no target of this allocation");
    }
}
