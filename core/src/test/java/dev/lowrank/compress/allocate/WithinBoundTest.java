package dev.lowrank.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.compress.storage.StoragePolicy;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WithinBoundTest {
    private static final Allocator KNAPSACK = Allocators.of("knapsack", AllocatorOptions.DEFAULT);

    @ParameterizedTest
    @ValueSource(doubles = {0.001, 0.01, 0.03})
    void theCutIsTheLargestWithinTheBound(double increase) {
        var evidence = Samples.evidence(2, 5);
        var problem = Samples.problem(evidence, StoragePolicy.PIVOTED, CostUnit.PARAMETERS, 1);
        var found = perplexity(KNAPSACK, increase).allocate(problem);
        assertThat(Samples.divergence(evidence, found)).isLessThanOrEqualTo(Math.log1p(increase));
        var share = found.cost() / (double) problem.denseCost();
        var smaller = KNAPSACK.allocate(
                problem.withBudget(new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(share - 0.01))));
        assertThat(Samples.divergence(evidence, smaller)).isGreaterThan(Math.log1p(increase));
        assertThat(found.notes()).singleElement().asString().contains("validation perplexity");
    }

    @Test
    void sharesThatTheRuleCannotSpendAreNotTried() {
        var uniform = Allocators.of("uniform", AllocatorOptions.DEFAULT);
        var problem = Samples.problem(Samples.evidence(1, 6), StoragePolicy.PIVOTED, CostUnit.PARAMETERS, 1);
        var coarse =
                new AllocationProblem(problem.evidence(), problem.storage(), problem.budget(), 4, 1, 0, candidate -> 3);
        var found = perplexity(uniform, 0.5).allocate(coarse);
        assertThat(found.choices().values()).anyMatch(choice -> !choice.isDense());
    }

    @Test
    void aBoundThatNothingMeetsKeepsTheModel() {
        var evidence = Samples.evidence(1, 6);
        var trials = new AtomicInteger();
        var problem = new AllocationProblem(
                evidence, StoragePolicy.PIVOTED, new Budget.Unbounded(CostUnit.PARAMETERS), 1, 1, 0, candidate -> {
                    trials.incrementAndGet();
                    return candidate.choices().values().stream().allMatch(Choice::isDense) ? 3 : 30;
                });
        var found = perplexity(KNAPSACK, 0.01).allocate(problem);
        assertThat(found.choices().values()).allMatch(Choice::isDense);
        assertThat(trials.get()).isLessThanOrEqualTo(10);
    }

    @Test
    void itNeedsWhatTheInnerAllocatorNeedsAndTrials() {
        var needs = perplexity(KNAPSACK, 0.01).info().needs();
        assertThat(needs).containsExactlyInAnyOrder(Sensitivity.DIVERGENCE, Sensitivity.TRIAL_LOSS);
        for (var bad : List.of(0.0, -0.1, Double.NaN)) {
            assertThatThrownBy(() -> new PerplexityIncrease(bad)).hasMessageContaining("--max-perplexity-increase");
        }
    }

    /// The search knows nothing of perplexity: here the quality is a count that may fall, as an accuracy
    /// does, measured without a trial of the problem.
    @Test
    void anotherQualityNeedsNoOtherSearch() {
        var problem = Samples.problem(Samples.evidence(1, 6), StoragePolicy.PIVOTED, CostUnit.PARAMETERS, 1);
        var alone = new AllocationProblem(
                problem.evidence(), problem.storage(), new Budget.Unbounded(CostUnit.PARAMETERS), 1, 1, 0, null);
        var whole = alone.evidence().stream().mapToInt(Evidence::components).sum();
        var atLeast = new QualityBound() {
            @Override
            public Set<Sensitivity> needs() {
                return Set.of();
            }

            @Override
            public double measure(AllocationProblem given, Allocation candidate) {
                return candidate.choices().values().stream()
                                .mapToInt(Choice::rank)
                                .sum()
                        / (double) whole;
            }

            @Override
            public boolean holds(double dense, double cut) {
                return cut >= 0.8;
            }

            @Override
            public String describe(double dense, double cut) {
                return "ranks " + dense + " to " + cut;
            }
        };
        var search = new WithinBound(KNAPSACK, CostUnit.PARAMETERS, atLeast);
        assertThat(search.info().needs()).containsExactly(Sensitivity.DIVERGENCE);
        var found = search.allocate(alone);
        assertThat(atLeast.measure(alone, found)).isBetween(0.8, 0.85);
        assertThat(found.notes()).singleElement().asString().contains("kept ", "ranks 1.0 to 0.8");
    }

    private static WithinBound perplexity(Allocator inner, double increase) {
        return new WithinBound(inner, CostUnit.PARAMETERS, new PerplexityIncrease(increase));
    }
}
