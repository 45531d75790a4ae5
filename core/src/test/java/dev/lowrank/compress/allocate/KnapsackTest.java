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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class KnapsackTest {
    private static final double ROUNDING = 1e-12;

    /// Sites small enough for dynamic programming over every cost; falling curves that need not be convex.
    private static List<Evidence> tiny(SplittableRandom random) {
        var evidence = new ArrayList<Evidence>();
        for (var i = 0; i < 4; i++) {
            var site = Samples.site(i, Role.O_PROJ, 5 + random.nextInt(6), 4 + random.nextInt(5));
            var k = Math.min(site.in(), site.out());
            var curve = new double[k + 1];
            for (var r = k - 1; r >= 0; r--) {
                curve[r] = curve[r + 1] + Math.pow(random.nextDouble(), 3);
            }
            evidence.add(Evidence.of(site, DType.F32).withDivergence(curve));
        }
        return evidence;
    }

    @ParameterizedTest
    @EnumSource(
            value = StoragePolicy.class,
            names = {"FACTORED", "PIVOTED", "AUTO"})
    void isWithinOneHullEdgeOfTheOptimumByDynamicProgramming(StoragePolicy storage) {
        var random = new SplittableRandom(41);
        for (var instance = 0; instance < 60; instance++) {
            var keep = 0.45 + 0.5 * random.nextDouble();
            var problem = Samples.problem(tiny(random), storage, CostUnit.PARAMETERS, keep);
            var found = Knapsack.of(1, 0).allocate(problem);
            var best = optimum(problem);
            assertThat(found.predictedLoss())
                    .isEqualTo(Samples.divergence(problem.evidence(), found), within(ROUNDING));
            assertThat(found.predictedLoss()).isGreaterThanOrEqualTo(best - ROUNDING);
            assertThat(found.predictedLoss() - best).isLessThanOrEqualTo(dearestEdge(problem) + ROUNDING);
        }
    }

    @Test
    void findsTheOptimumWhereCurvesAreConvexAndStepsCostTheSame() {
        var random = new SplittableRandom(17);
        for (var instance = 0; instance < 40; instance++) {
            var evidence = new ArrayList<Evidence>();
            for (var i = 0; i < 5; i++) {
                var gains = random.doubles(8).sorted().toArray();
                var curve = new double[9];
                for (var r = 7; r >= 0; r--) {
                    curve[r] = curve[r + 1] + gains[7 - r];
                }
                evidence.add(Evidence.of(Samples.site(i, Role.Q_PROJ, 60, 8), DType.F32)
                        .withDivergence(curve));
            }
            var problem = Samples.problem(
                    evidence, StoragePolicy.FACTORED, CostUnit.PARAMETERS, 0.3 + 0.4 * random.nextDouble());
            // Every rank costs 68 numbers, up to 7 of 480; dense alone breaks the pattern.
            var found = Knapsack.of(1, 0).allocate(problem);
            assertThat(found.predictedLoss() - optimum(problem)).isLessThanOrEqualTo(dearestEdge(problem) / 2);
        }
    }

    private static double optimum(AllocationProblem problem) {
        Map<Long, Double> best = new HashMap<>(Map.of(0L, 0.0));
        for (var one : problem.evidence()) {
            var ladder = Ladder.of(one, problem, 1);
            var next = new HashMap<Long, Double>();
            best.forEach((cost, loss) -> {
                for (var rung = 0; rung < ladder.size(); rung++) {
                    var total = cost + ladder.cost(rung);
                    if (total <= problem.limit()) {
                        next.merge(total, loss + Samples.divergence(one, ladder.choice(rung)), Math::min);
                    }
                }
            });
            best = next;
        }
        return best.values().stream().mapToDouble(Double::doubleValue).min().orElseThrow();
    }

    /// The largest loss difference along an edge of any lower hull, found by testing all pairs of rungs.
    private static double dearestEdge(AllocationProblem problem) {
        var most = 0.0;
        for (var one : problem.evidence()) {
            var ladder = Ladder.of(one, problem, 1);
            for (var a = 0; a < ladder.size(); a++) {
                for (var b = a + 1; b < ladder.size(); b++) {
                    if (isEdge(one, ladder, a, b)) {
                        var gain =
                                Samples.divergence(one, ladder.choice(a)) - Samples.divergence(one, ladder.choice(b));
                        most = Math.max(most, gain);
                    }
                }
            }
        }
        return most;
    }

    private static boolean isEdge(Evidence one, Ladder ladder, int a, int b) {
        var from = Samples.divergence(one, ladder.choice(a));
        var to = Samples.divergence(one, ladder.choice(b));
        for (var c = 0; c < ladder.size(); c++) {
            var share = (ladder.cost(c) - ladder.cost(a)) / (double) (ladder.cost(b) - ladder.cost(a));
            if (Samples.divergence(one, ladder.choice(c)) < from + share * (to - from) - ROUNDING) {
                return false;
            }
        }
        return true;
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.9, 0.8, 0.6, 0.3})
    void losesNoMoreThanAnyOtherAllocator(double keep) {
        var problem = Samples.problem(4, keep, 23);
        var ours = Knapsack.of(1, 0).allocate(problem).predictedLoss();
        for (var other : AllocatorContractTest.budgeted()) {
            var theirs = Samples.divergence(problem.evidence(), other.allocate(problem));
            assertThat(ours).as(other.info().id()).isLessThanOrEqualTo(theirs + dearestEdge(problem));
        }
        var uniform = Samples.divergence(problem.evidence(), new Uniform().allocate(problem));
        assertThat(ours).isLessThan(uniform);
    }

    @Test
    void wideStepsAreLeftOnlyToLandOnTheBudget() {
        var problem = Samples.problem(6, 0.7, 3);
        var allocation = Knapsack.of(8, 0).allocate(problem);
        var odd = allocation.choices().values().stream()
                .filter(choice -> !choice.isDense() && choice.rank() % 8 != 0)
                .count();
        assertThat(odd).isLessThanOrEqualTo(6);
        assertThat(problem.limit() - allocation.cost()).isLessThanOrEqualTo(problem.limit() / 1000);
    }

    @Test
    void theRankMultipleHoldsEvenForTheRemainder() {
        var sample = Samples.problem(6, 0.7, 3);
        var problem = new AllocationProblem(sample.evidence(), sample.storage(), sample.budget(), 3, 1, 1, null);
        assertThat(Knapsack.of(8, 0).allocate(problem).choices().values())
                .allMatch(choice -> choice.isDense() || choice.rank() % 3 == 0);
    }

    @Test
    void nothingIsSpentOnWhatTheEstimateDoesNotReward() {
        var curve = new double[25];
        Arrays.fill(curve, 0, 6, 1.0);
        var site = Samples.site(0, Role.O_PROJ, 40, 24);
        var problem = Samples.problem(
                List.of(Evidence.of(site, DType.F32).withDivergence(curve)),
                StoragePolicy.PIVOTED,
                CostUnit.PARAMETERS,
                0.9);
        assertThat(Knapsack.of(1, 0).allocate(problem).of(site).rank()).isEqualTo(6);
    }

    @Test
    void oneLuckyPointOfANoisyCurveDoesNotDrawTheBudget() {
        var site = Samples.site(0, Role.O_PROJ, 40, 24);
        var other = Samples.site(1, Role.O_PROJ, 40, 24);
        var smooth = new double[25];
        for (var r = 0; r <= 24; r++) {
            smooth[r] = Math.pow(1 - r / 24.0, 2);
        }
        var lucky = smooth.clone();
        lucky[3] = 0; // terms of the tail cancelled
        var problem = Samples.problem(
                List.of(
                        Evidence.of(site, DType.F32).withDivergence(lucky),
                        Evidence.of(other, DType.F32).withDivergence(smooth)),
                StoragePolicy.PIVOTED,
                CostUnit.PARAMETERS,
                0.7);
        var allocation = Knapsack.of(1, 0).allocate(problem);
        assertThat(allocation.of(site).rank()).isGreaterThan(8);
    }

    @Test
    void noSiteFallsBelowTheFloor() {
        var problem = Samples.problem(4, 0.5, 23);
        var allocation = Knapsack.of(1, 0).withFloor(0.3).allocate(problem);
        for (var one : problem.evidence()) {
            assertThat(CostUnit.PARAMETERS.cost(one.site(), one.dtype(), allocation.of(one.site())))
                    .isGreaterThanOrEqualTo((long) (0.3 * one.site().weightParameters()));
        }
        assertThat(problem.limit() - allocation.cost()).isLessThanOrEqualTo(problem.limit() / 1000);
        assertThat(allocation.predictedLoss())
                .isGreaterThan(Knapsack.of(1, 0).allocate(problem).predictedLoss());
        assertThatThrownBy(() -> Knapsack.of(1, 0).withFloor(0.6).allocate(problem))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("floor of 0.6");
    }

    @Test
    void correctionRoundsMoveTheBudgetToWhatTheEstimatesUnderrate() {
        var evidence = Samples.evidence(4, 77);
        // In truth gate projections cost six times what their curves say, and down projections half.
        TrialLoss truth = candidate -> {
            var sum = 2.0;
            for (var one : evidence) {
                var factor = switch (one.site().role()) {
                    case GATE_PROJ -> 6;
                    case DOWN_PROJ -> 0.5;
                    default -> 1;
                };
                sum += factor * Samples.divergence(one, candidate.of(one.site()));
            }
            return sum;
        };
        var sample = Samples.problem(evidence, StoragePolicy.AUTO, CostUnit.PARAMETERS, 0.6);
        var calls = new int[1];
        var problem = new AllocationProblem(evidence, sample.storage(), sample.budget(), 1, 1, 1, candidate -> {
            calls[0]++;
            return truth.of(candidate);
        });
        var first = Knapsack.of(1, 0).allocate(problem);
        assertThat(calls[0]).isZero();
        var corrected = new Knapsack(1, 3, 0.3, 2, 0, Sensitivity.DIVERGENCE).allocate(problem);
        assertThat(truth.of(corrected)).isLessThan(truth.of(first));
        assertThat(share(corrected, Role.GATE_PROJ)).isGreaterThan(share(first, Role.GATE_PROJ));
        assertThat(share(corrected, Role.DOWN_PROJ)).isLessThan(share(first, Role.DOWN_PROJ));
        // one for the plan, then 14 groups and one for the new plan in each round
        assertThat(calls[0]).isLessThanOrEqualTo(1 + 3 * 15);
        assertThat(corrected.notes()).hasSize(4).first().asString().contains("trial loss");
    }

    @Test
    void aCorrectionThatDoesNotHelpIsDropped() {
        var sample = Samples.problem(3, 0.6, 5);
        var first = Knapsack.of(1, 0).allocate(sample);
        var problem = new AllocationProblem(
                sample.evidence(),
                sample.storage(),
                sample.budget(),
                1,
                1,
                1,
                candidate -> candidate.choices().equals(first.choices())
                        ? 1
                        : 2 + candidate.of(sample.evidence().getFirst().site()).rank());
        var corrected = Knapsack.of(1, 2).allocate(problem);
        assertThat(corrected.choices()).isEqualTo(first.choices());
        assertThat(corrected.notes().getLast()).endsWith("dropped");
    }

    private static double share(Allocation allocation, Role role) {
        var kept = 0L;
        var all = 0L;
        for (Map.Entry<LinearSite, Choice> entry : allocation.choices().entrySet()) {
            if (entry.getKey().role() == role) {
                kept += CostUnit.PARAMETERS.cost(entry.getKey(), DType.BF16, entry.getValue());
                all += entry.getKey().weightParameters();
            }
        }
        return kept / (double) all;
    }
}
