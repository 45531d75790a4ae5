package dev.lowrank.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.NumericalException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// What every allocator that spends a budget promises.
class AllocatorContractTest {
    private static final AllocatorOptions OPTIONS = new AllocatorOptions(64, Double.NaN, 0, 12, null, 0, Double.NaN);

    static List<Allocator> budgeted() {
        var all = new ArrayList<>(Allocators.spenders().stream()
                .filter(id -> !id.endsWith("+fermi"))
                .map(id -> Allocators.of(id, OPTIONS))
                .toList());
        all.add(new Swift(0.5, 0.5));
        all.add(new WeLore(0.1));
        all.add(new AsvdSearch(Sensitivity.DIVERGENCE));
        all.add(Knapsack.of(4, 2));
        all.add(Knapsack.of(4, 0).withSource(Sensitivity.TRIAL_LOSS));
        all.add(Allocators.of("welore+fermi", OPTIONS));
        all.add(new FermiGrad(100, 0.02, Sensitivity.SPECTRUM));
        return all;
    }

    static Stream<Arguments> everywhere() {
        return budgeted().stream()
                .flatMap(allocator -> Stream.of(StoragePolicy.values())
                        .flatMap(storage ->
                                Stream.of(CostUnit.values()).map(unit -> Arguments.of(allocator, storage, unit))));
    }

    @ParameterizedTest
    @MethodSource("everywhere")
    void theBudgetIsMetAndNeverExceeded(Allocator allocator, StoragePolicy storage, CostUnit unit) {
        for (var keep : new double[] {0.95, 0.8, 0.6, 0.37}) {
            for (var multiple : new int[] {1, 4}) {
                var problem = multiple(Samples.problem(Samples.evidence(3, 5), storage, unit, keep), multiple);
                var allocation = allocator.allocate(problem);
                assertThat(allocation.cost())
                        .isEqualTo(cost(problem, allocation))
                        .isLessThanOrEqualTo(problem.limit());
                assertThat(problem.limit() - allocation.cost())
                        .as("unspent of %d", problem.limit())
                        .isLessThanOrEqualTo(tolerance(allocator, problem));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("everywhere")
    void everyChoiceIsAllowedAndNoneIsLargerThanTheMatrix(Allocator allocator, StoragePolicy storage, CostUnit unit) {
        var problem = multiple(Samples.problem(Samples.evidence(2, 6), storage, unit, 0.7), 4);
        var allocation = allocator.allocate(problem);
        assertThat(allocation.choices().keySet())
                .containsExactlyElementsOf(
                        problem.evidence().stream().map(Evidence::site).toList());
        for (var one : problem.evidence()) {
            var choice = allocation.of(one.site());
            var dense = Choice.dense(one.site());
            if (choice.isDense()) {
                assertThat(choice).isEqualTo(dense);
            } else {
                assertThat(storage.forms()).contains(choice.form());
                assertThat(choice.rank() % 4).isZero();
                for (var measure : CostUnit.values()) {
                    assertThat(measure.cost(one.site(), one.dtype(), choice))
                            .isLessThanOrEqualTo(measure.cost(one.site(), one.dtype(), dense));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("budgeted")
    void theSameProblemGivesTheSameAllocation(Allocator allocator) {
        var once = allocator.allocate(Samples.problem(3, 0.6, 8));
        var again = allocator.allocate(Samples.problem(3, 0.6, 8));
        assertThat(again).isEqualTo(once);
    }

    @ParameterizedTest
    @MethodSource("budgeted")
    void moreBudgetDoesNotPredictLessQuality(Allocator allocator) {
        var evidence = Samples.evidence(3, 9);
        var energies = evidence.stream()
                .map(one -> one.withDivergence(Curves.tailEnergy(one.singular())))
                .toList();
        var loss = Double.POSITIVE_INFINITY;
        var cost = 0L;
        for (var keep : new double[] {0.3, 0.45, 0.6, 0.75, 0.9, 1}) {
            var allocation =
                    allocator.allocate(Samples.problem(evidence, StoragePolicy.AUTO, CostUnit.PARAMETERS, keep));
            var here = switch (allocator.info().id()) {
                case "knapsack", "bolaco", "asvd", "fermi" -> Samples.divergence(evidence, allocation);
                default -> Samples.divergence(energies, allocation);
            };
            assertThat(here).isLessThanOrEqualTo(loss);
            assertThat(allocation.cost()).isGreaterThan(cost);
            loss = here;
            cost = allocation.cost();
        }
        assertThat(loss).isZero();
    }

    @ParameterizedTest
    @MethodSource("budgeted")
    void keepingEverythingKeepsEverySiteDense(Allocator allocator) {
        var allocation = allocator.allocate(Samples.problem(2, 1, 1));
        assertThat(allocation.choices().values()).allMatch(Choice::isDense);
        var rich = Samples.problem(2, 1, 1).withBudget(new Budget.Absolute(CostUnit.BYTES, 1L << 40));
        assertThat(allocator.allocate(rich).choices().values()).allMatch(Choice::isDense);
    }

    @ParameterizedTest
    @MethodSource("budgeted")
    void anImpossibleBudgetIsRefusedWithItsAmount(Allocator allocator) {
        var problem = Samples.problem(2, 0.5, 1).withBudget(new Budget.Absolute(CostUnit.PARAMETERS, 17));
        assertThatThrownBy(() -> allocator.allocate(problem))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("budget")
                .hasMessageContaining("keep more");
    }

    @ParameterizedTest
    @MethodSource("budgeted")
    void oneSiteIsEnough(Allocator allocator) {
        for (var role : List.of(Role.DOWN_PROJ, Role.V_PROJ)) {
            var site = Samples.site(0, role, 40, 24);
            var evidence = List.of(Samples.evidence(site, new SplittableRandom(3)));
            var problem = Samples.problem(evidence, StoragePolicy.PIVOTED, CostUnit.PARAMETERS, 0.5);
            var choice = allocator.allocate(problem).of(site);
            assertThat(choice.form()).isEqualTo(StorageForm.PIVOTED);
            // r (64 - r) <= 480
            assertThat(choice.rank()).isEqualTo(8);
        }
    }

    @ParameterizedTest
    @MethodSource("budgeted")
    void aModelOfZerosIsNoDivisionByZero(Allocator allocator) {
        var evidence = Samples.sites(2).stream()
                .map(site -> {
                    var k = Math.min(site.in(), site.out());
                    return new Evidence(site, DType.F32, new double[k], new double[k + 1], new double[k], 0);
                })
                .toList();
        var problem = Samples.problem(evidence, StoragePolicy.AUTO, CostUnit.BYTES, 0.5);
        var allocation = allocator.allocate(problem);
        assertThat(allocation.cost()).isPositive().isLessThanOrEqualTo(problem.limit());
    }

    static List<Allocator> readers() {
        return budgeted().stream()
                .filter(allocator -> allocator.info().needs().stream().anyMatch(need -> need != Sensitivity.TRIAL_LOSS))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("readers")
    void missingEvidenceIsAnErrorThatNamesTheSite(Allocator allocator) {
        var bare = Samples.sites(1).stream()
                .map(site -> Evidence.of(site, DType.BF16))
                .toList();
        var problem = new AllocationProblem(
                bare, StoragePolicy.AUTO, new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(0.5)), 1, 1, 1, _ -> 1);
        assertThatThrownBy(() -> allocator.allocate(problem))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(bare.getFirst().site().name())
                .hasMessageContaining(allocator.info().id());
    }

    @ParameterizedTest
    @MethodSource("budgeted")
    void trialsAreNeededWhereDeclaredAndBrokenOnesAreErrors(Allocator allocator) {
        var problem = Samples.problem(2, 0.6, 4);
        var without = trial(problem, null);
        var broken = trial(problem, _ -> Double.NaN);
        if (allocator.info().needs().contains(Sensitivity.TRIAL_LOSS)) {
            assertThatThrownBy(() -> allocator.allocate(without))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("validation text");
            assertThatThrownBy(() -> allocator.allocate(broken))
                    .isInstanceOf(NumericalException.class)
                    .hasMessageContaining("NaN");
        } else {
            assertThat(allocator.allocate(without)).isEqualTo(allocator.allocate(broken));
        }
    }

    @ParameterizedTest
    @MethodSource("budgeted")
    void noSiteFallsBelowTheRankFloor(Allocator allocator) {
        var sample = Samples.problem(3, 0.5, 12);
        var problem = new AllocationProblem(
                sample.evidence(), sample.storage(), sample.budget(), 1, 3, sample.seed(), sample.trial());
        assertThat(allocator.allocate(problem).choices().values()).allMatch(choice -> choice.rank() >= 3);
    }

    @Test
    void idsAreUniqueAndAnUnknownOneListsThem() {
        assertThat(Allocators.ids()).doesNotHaveDuplicates().startsWith("knapsack");
        assertThatThrownBy(() -> Allocators.of("knapsac", OPTIONS))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("knapsac'")
                .hasMessageContaining("zs-svd");
    }

    private static AllocationProblem multiple(AllocationProblem problem, int multiple) {
        return new AllocationProblem(
                problem.evidence(), problem.storage(), problem.budget(), multiple, 1, problem.seed(), problem.trial());
    }

    private static AllocationProblem trial(AllocationProblem problem, @Nullable TrialLoss trial) {
        return new AllocationProblem(
                problem.evidence(), problem.storage(), problem.budget(), 1, 1, problem.seed(), trial);
    }

    private static long cost(AllocationProblem problem, Allocation allocation) {
        return problem.evidence().stream()
                .mapToLong(one -> problem.budget().unit().cost(one.site(), one.dtype(), allocation.of(one.site())))
                .sum();
    }

    /// The dearest rung that can be missing; for the uniform rule one at every site, as it rounds each.
    private static long tolerance(Allocator allocator, AllocationProblem problem) {
        var most = 0L;
        var sum = 0L;
        for (var one : problem.evidence()) {
            var ladder = Ladder.of(one, problem, problem.rankMultiple());
            var gap = 0L;
            for (var rung = 1; rung < ladder.size(); rung++) {
                gap = Math.max(gap, ladder.cost(rung) - ladder.cost(rung - 1));
            }
            most = Math.max(most, gap);
            sum += gap;
        }
        return allocator.info().id().equals("uniform") ? sum : most;
    }
}
