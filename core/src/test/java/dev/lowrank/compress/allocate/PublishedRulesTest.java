package dev.lowrank.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// What single published rules do on examples small enough to work out by hand.
class PublishedRulesTest {
    private static final LinearSite FIRST = Samples.site(0, Role.O_PROJ, 20, 4);
    private static final LinearSite SECOND = Samples.site(1, Role.O_PROJ, 20, 4);

    private static AllocationProblem factored(long parameters, Evidence... evidence) {
        return new AllocationProblem(
                List.of(evidence),
                StoragePolicy.FACTORED,
                new Budget.Absolute(CostUnit.PARAMETERS, parameters),
                1,
                1,
                1,
                null);
    }

    private static Evidence spectrum(LinearSite site, double... singular) {
        return Evidence.of(site, DType.F32).withSingular(singular);
    }

    private static List<Integer> ranks(Allocation allocation) {
        return allocation.choices().values().stream().map(Choice::rank).toList();
    }

    @Test
    void energyGivesTheSameShareToEverySite() {
        // Kept energies: 16/30, 25/30, 29/30, 1 and 1/4, 1/2, 3/4, 1. Five ranks cost 120: a share of 0.75.
        var problem = factored(5 * 24, spectrum(FIRST, 4, 3, 2, 1), spectrum(SECOND, 1, 1, 1, 1));
        assertThat(ranks(new Energy(Double.NaN).allocate(problem))).containsExactly(2, 3);
        // Four ranks would be more than the matrix, so the flat site goes dense above that share.
        var more = factored(48 + 80, spectrum(FIRST, 4, 3, 2, 1), spectrum(SECOND, 1, 1, 1, 1));
        assertThat(new Energy(Double.NaN).allocate(more).of(SECOND)).isEqualTo(Choice.dense(SECOND));
        assertThat(ranks(new Energy(0.8).allocate(factored(1000, spectrum(FIRST, 4, 3, 2, 1)))))
                .containsExactly(2);
    }

    @Test
    void weLoreKeepsWhatReachesTheThresholdAfterNormalising() {
        assertThat(WeLore.kept(new double[] {5, 4, 2, 1}, 0.75)).isEqualTo(2);
        assertThat(WeLore.kept(new double[] {5, 4, 2, 1}, 0.76)).isEqualTo(1);
        assertThat(WeLore.kept(new double[] {5, 4, 2, 1}, 0)).isEqualTo(4);
        assertThat(WeLore.kept(new double[] {2, 2}, 1)).isEqualTo(2);
        assertThat(WeLore.kept(new double[] {0, 0}, 0.1)).isZero();
    }

    @Test
    void weLoreMarksWhatIsToBeTunedAndWhatIsToBeFrozen() {
        var problem = factored(80 + 24, spectrum(FIRST, 100, 3, 2, 1), spectrum(SECOND, 9, 9, 9, 9));
        var allocation = new WeLore(0).allocate(problem);
        assertThat(allocation.of(FIRST).rank()).isEqualTo(1);
        assertThat(allocation.of(SECOND).isDense()).isTrue();
        assertThat(allocation.marks()).containsEntry(FIRST, "LRC").containsEntry(SECOND, "N-LRC");
    }

    @Test
    void weLoresBarLeavesLittleCutSitesDense() {
        // At rank 3 of 4 the reduction is a quarter: not above a bar of 0.3.
        var one = spectrum(FIRST, 10, 9, 8, 1);
        assertThat(new WeLore(0).allocate(factored(72, one)).of(FIRST).rank()).isEqualTo(3);
        assertThat(new WeLore(0.3).allocate(factored(80, one)).of(FIRST).isDense())
                .isTrue();
    }

    @Test
    void zeroSumDropsTheSmallestChangeThatPullsTheSumToZero() {
        var first = Evidence.of(FIRST, DType.F32).withFirstOrder(new double[] {9, 9, 1, 2});
        var second = Evidence.of(SECOND, DType.F32).withFirstOrder(new double[] {9, -5, 3, -1});
        // The sum is 0, so a rising one is taken: 2 (first). Then falling: -1 (second), sum 1; no falling one is
        // left at a front (3 is next in second), so 1 (first), sum 2; then 3 (second), sum 5; then -5.
        assertThat(ranks(new ZsSvd(0).allocate(factored(24 * 6, first, second))))
                .containsExactly(3, 3);
        assertThat(ranks(new ZsSvd(0).allocate(factored(24 * 5, first, second))))
                .containsExactly(2, 3);
        assertThat(ranks(new ZsSvd(0).allocate(factored(24 * 4, first, second))))
                .containsExactly(2, 2);
        assertThat(ranks(new ZsSvd(0).allocate(factored(24 * 3, first, second))))
                .containsExactly(2, 1);
    }

    @Test
    void zeroSumKeepsItsFloor() {
        var first = Evidence.of(FIRST, DType.F32).withFirstOrder(new double[] {0, 0, 0, 0});
        var second = Evidence.of(SECOND, DType.F32).withFirstOrder(new double[] {9, 9, 9, 9});
        assertThat(ranks(new ZsSvd(0).allocate(factored(24 * 4, first, second))))
                .containsExactly(1, 3);
        assertThat(ranks(new ZsSvd(0.4).allocate(factored(24 * 4, first, second))))
                .containsExactly(2, 2);
        assertThatThrownBy(() -> new ZsSvd(0.4).allocate(factored(24 * 3, first, second)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("floor");
    }

    @Test
    void effectiveRankOfEqualValuesIsTheirNumber() {
        assertThat(Swift.effectiveRank(new double[] {2, 2, 2, 2, 0})).isCloseTo(4, within(1e-12));
        assertThat(Swift.effectiveRank(new double[] {7, 0, 0})).isEqualTo(1);
        assertThat(Swift.effectiveRank(new double[3])).isEqualTo(1);
    }

    @Test
    void swiftGivesMoreToSitesOfHighEffectiveRankButLeavesAllTheirFloor() {
        var flat = new double[24];
        Arrays.fill(flat, 1);
        var steep = new double[24];
        for (var i = 0; i < 24; i++) {
            steep[i] = Math.exp(-i);
        }
        var a = Samples.site(0, Role.O_PROJ, 400, 24);
        var b = Samples.site(1, Role.O_PROJ, 400, 24);
        var problem = Samples.problem(
                List.of(spectrum(a, flat), spectrum(b, steep)), StoragePolicy.FACTORED, CostUnit.PARAMETERS, 0.5);
        var allocation = new Swift(1, 0.5).allocate(problem);
        // beta is 2 and 1: of the half above the floor the flat site gets two thirds.
        var limit = problem.limit();
        assertThat(cost(a, allocation) / (double) limit).isCloseTo(0.25 + 1 / 3.0, within(0.05));
        assertThat(cost(b, allocation) / (double) limit).isCloseTo(0.25 + 1 / 6.0, within(0.05));
        var even = new Swift(1, 1).allocate(problem);
        assertThat(Math.abs(cost(a, even) - cost(b, even))).isLessThanOrEqualTo(424);
    }

    private static long cost(LinearSite site, Allocation allocation) {
        return CostUnit.PARAMETERS.cost(site, DType.F32, allocation.of(site));
    }

    @Test
    void asvdTakesTheSmallestBoundThatMeetsTheBudget() {
        // Both sites 100 x 100 pivoted at ratio .9 down; the first hurts ten times as much at each ratio.
        var evidence = new ArrayList<Evidence>();
        for (var i = 0; i < 2; i++) {
            var curve = new double[101];
            for (var r = 0; r <= 100; r++) {
                curve[r] = (i == 0 ? 10 : 1) * (100 - r) / 100.0;
            }
            evidence.add(Evidence.of(Samples.site(i, Role.Q_PROJ, 100, 100), DType.F32)
                    .withDivergence(curve));
        }
        var seen = new ArrayList<Allocation>();
        var problem = new AllocationProblem(
                evidence,
                StoragePolicy.FACTORED,
                new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(0.75)),
                1,
                1,
                1,
                candidate -> {
                    seen.add(candidate);
                    return 4 + Samples.divergence(evidence, candidate);
                });
        var allocation = new AsvdSearch(Sensitivity.TRIAL_LOSS).allocate(problem);
        // Half of the second site alone is enough, and no less: 0.5 and not 0.4, although 0.4 sorts before any
        // ratio of the first.
        var sites = evidence.stream().map(Evidence::site).toList();
        assertThat(allocation.of(sites.get(0)).isDense()).isTrue();
        assertThat(allocation.of(sites.get(1)).rank()).isEqualTo(25);
        assertThat(seen).hasSize(12);
        assertThat(seen)
                .allMatch(candidate -> candidate.choices().values().stream()
                                .filter(Choice::isDense)
                                .count()
                        == 1);
        assertThat(new AsvdSearch(Sensitivity.DIVERGENCE).allocate(problem).choices())
                .isEqualTo(allocation.choices());
    }

    @Test
    void bolacoLeavesValueProjectionsDenseAndBeatsEqualRatios() {
        var evidence = Samples.evidence(4, 15);
        var trials = new ArrayList<Double>();
        var problem = new AllocationProblem(
                evidence,
                StoragePolicy.PIVOTED,
                new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(0.6)),
                1,
                1,
                5,
                candidate -> {
                    trials.add(2 + Samples.divergence(evidence, candidate));
                    return trials.getLast();
                });
        var allocation = new Bolaco(30, 1).allocate(problem);
        assertThat(allocation.choices().entrySet())
                .filteredOn(entry -> entry.getKey().role() == Role.V_PROJ)
                .allMatch(entry -> entry.getValue().isDense());
        assertThat(trials).hasSize(30);
        var least = trials.stream().mapToDouble(Double::doubleValue).min().orElseThrow();
        assertThat(2 + Samples.divergence(evidence, allocation))
                .isEqualTo(least)
                .isLessThan(trials.getFirst());
        // What the process proposes is better on average than what was drawn at random.
        assertThat(mean(trials.subList(7, 30))).isLessThan(mean(trials.subList(1, 7)));
        var tight = problem.withBudget(new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(0.2)));
        assertThat(new Bolaco(5, 1).allocate(tight).cost()).isLessThanOrEqualTo(tight.limit());
    }

    private static double mean(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    }

    @Test
    void influenceTakesMostFromTheLayerThatChangesLeast() {
        var evidence = IntStream.range(0, 3)
                .mapToObj(layer -> Evidence.of(Samples.site(layer, Role.UP_PROJ, 900, 300), DType.BF16)
                        .withBlockInfluence(0.1 * layer))
                .toList();
        var problem = Samples.problem(evidence, StoragePolicy.PIVOTED, CostUnit.PARAMETERS, 0.7);
        var allocation = new BlockInfluence(0.1, 0.95).allocate(problem);
        var removed = new double[3];
        for (var one : evidence) {
            removed[one.site().layer()] += one.site().weightParameters() - cost(one.site(), allocation);
        }
        // softmax(-s / 0.1) falls by e from layer to layer.
        assertThat(removed[0] / removed[1]).isCloseTo(Math.E, within(0.1));
        assertThat(removed[1] / removed[2]).isCloseTo(Math.E, within(0.1));
    }

    @Test
    void rulesRefuseSettingsOutsideTheirRange() {
        assertThatThrownBy(() -> new Energy(0)).hasMessageContaining("--energy");
        assertThatThrownBy(() -> new Explicit(0)).hasMessageContaining("--rank");
        assertThatThrownBy(() -> new WeLore(1)).hasMessageContaining("bar");
        assertThatThrownBy(() -> new ZsSvd(-0.1)).hasMessageContaining("floor");
        assertThatThrownBy(() -> new Swift(2, 0.5)).hasMessageContaining("alpha");
        assertThatThrownBy(() -> new Bolaco(0, 1)).hasMessageContaining("trial");
        assertThatThrownBy(() -> new AsvdSearch(Sensitivity.SPECTRUM)).hasMessageContaining("spectrum");
        assertThatThrownBy(() -> new BlockInfluence(0, 0.9)).hasMessageContaining("temperature");
        assertThatThrownBy(() -> new FermiGrad(0, 0.1, Sensitivity.DIVERGENCE)).hasMessageContaining("step");
        assertThatThrownBy(() -> Knapsack.of(0, 0)).hasMessageContaining("step");
    }
}
