package dev.lowrank.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.compress.allocate.RoundingLoss.Curve;
import dev.lowrank.compress.quantize.Bits;
import dev.lowrank.compress.quantize.Quantization;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.DType;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Ranks and types spent together.
class TypedAllocationTest {
    private static final Bits ALL = new Bits(List.of(DType.Q4_0, DType.Q4_K, DType.Q6_K, DType.Q8_0), true, false);
    private static final double TINY = 1e-12;

    /// A site of plausible size whose rounding loses what random types of its bits lose, and more where it
    /// is cut.
    private static Evidence evidence(int layer, int out, int in, SplittableRandom random) {
        var site = Samples.site(layer, Role.O_PROJ, out, in);
        var k = Math.min(out, in);
        var weight = Math.exp(4 * random.nextDouble()) * 1e-3;
        var power = 1 + 3 * random.nextDouble();
        var curve = new double[k + 1];
        for (var r = 0; r < k; r++) {
            curve[r] = weight * Math.pow(1 - r / (double) k, power);
        }
        var losses = new EnumMap<DType, Curve>(DType.class);
        for (var type : Quantization.types()) {
            var bits = 8.0 * type.blockBytes() / type.blockWeights();
            var dense = weight * (0.5 + random.nextDouble()) * Math.pow(4, -bits) * 20;
            losses.put(type, new Curve(dense, new int[] {32, 64}, new double[] {dense * 2, dense * 1.4}));
        }
        return Evidence.of(site, DType.BF16).withDivergence(curve).withRounding(new RoundingLoss(losses));
    }

    private static AllocationProblem problem(int sites, double keep, long seed) {
        var random = new SplittableRandom(seed);
        var evidence = new ArrayList<Evidence>();
        for (var i = 0; i < sites; i++) {
            evidence.add(evidence(i, 64 + 32 * random.nextInt(4), 256, random));
        }
        return Samples.problem(evidence, StoragePolicy.AUTO, CostUnit.BYTES, keep)
                .withBits(ALL);
    }

    private static double loss(AllocationProblem problem, Allocation allocation) {
        var sum = 0.0;
        for (var one : problem.evidence()) {
            var choice = allocation.of(one.site());
            sum += Samples.divergence(one, choice) + one.rounding().of(choice);
        }
        return sum;
    }

    /// The least loss of all combinations of every rank and type, rungs or not.
    private static double least(AllocationProblem problem, int site, long left) {
        if (site == problem.evidence().size()) {
            return 0;
        }
        var one = problem.evidence().get(site);
        var best = Double.POSITIVE_INFINITY;
        for (var choice : choices(problem, one)) {
            var cost = CostUnit.BYTES.cost(one.site(), one.dtype(), choice);
            if (cost <= left) {
                var loss = Samples.divergence(one, choice) + one.rounding().of(choice);
                best = Math.min(best, loss + least(problem, site + 1, left - cost));
            }
        }
        return best;
    }

    private static List<Choice> choices(AllocationProblem problem, Evidence one) {
        var choices = new ArrayList<Choice>();
        var types = new ArrayList<>(problem.bits().types());
        if (problem.bits().unrounded()) {
            types.add(null);
        }
        for (var type : types) {
            choices.add(Choice.dense(one.site()).in(type));
            // Ranks of plain numbers at the step of the knapsack.
            var step = type == null ? 32 : Quantization.rankMultiple(type);
            for (var rank = step; rank <= one.components(); rank += step) {
                for (var form : problem.storage().forms()) {
                    choices.add(new Choice(form, rank, false, type));
                }
            }
        }
        return choices;
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.18, 0.25, 0.3, 0.4, 0.6})
    void theOptimumOfAllCombinationsIsFound(double keep) {
        for (var seed = 0; seed < 12; seed++) {
            var problem = problem(3, keep, seed);
            var found = Knapsack.of(32, 0).allocate(problem);
            assertThat(found.predictedLoss()).isEqualTo(loss(problem, found), within(TINY));
            assertThat(found.predictedLoss())
                    .as("seed %d", seed)
                    .isEqualTo(least(problem, 0, problem.limit()), within(TINY));
        }
    }

    @Test
    void noBudgetIsExceededAndMoreNeverPredictsALargerLoss() {
        for (var seed = 0; seed < 4; seed++) {
            var before = Double.POSITIVE_INFINITY;
            for (var percent = 15; percent <= 100; percent += 5) {
                var problem = problem(12, percent / 100.0, seed);
                var found = Knapsack.of(8, 0).allocate(problem);
                assertThat(found.cost()).isLessThanOrEqualTo(problem.limit());
                assertThat(found.predictedLoss()).isLessThanOrEqualTo(before + TINY);
                before = found.predictedLoss();
            }
            assertThat(before).as("all plain").isZero();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q4_K", "Q6_K", "Q8_0"})
    void noTypeAlonePredictsLessThanTheChoice(DType type) {
        for (var keep = 0.25; keep < 0.6; keep += 0.05) {
            for (var seed = 0; seed < 4; seed++) {
                var problem = problem(16, keep, seed);
                var alone = problem.withBits(new Bits(List.of(type), false, false));
                var both = Knapsack.of(8, 0).allocate(problem).predictedLoss();
                assertThat(both)
                        .isLessThanOrEqualTo(Knapsack.of(8, 0).allocate(alone).predictedLoss() + TINY);
            }
        }
    }

    @Test
    void oneTypeThatLosesNothingIsGivenTheRanksOfBefore() {
        var none = new RoundingLoss(Map.of(DType.Q4_0, new Curve(0, new int[0], new double[0])));
        var random = new SplittableRandom(5);
        for (var keep = 0.2; keep < 0.28; keep += 0.02) {
            var plain = new ArrayList<Evidence>();
            for (var i = 0; i < 8; i++) {
                plain.add(evidence(i, 256, 256, random).withRounding(none));
            }
            var limit = (long) (keep * 8 * 256 * 256 * 2);
            var typed = problem(plain, limit).withBits(new Bits(List.of(DType.Q4_0), false, false));
            var before = problem(
                    plain.stream()
                            .map(one -> Evidence.of(one.site(), DType.Q4_0).withDivergence(one.divergence()))
                            .toList(),
                    limit);
            var found = Knapsack.of(8, 0).allocate(typed);
            var single = Knapsack.of(8, 0).allocate(before);
            assertThat(found.predictedLoss()).isLessThanOrEqualTo(single.predictedLoss() + TINY);
            var ladders = Ladder.all(typed);
            var known = Ladder.all(before);
            for (var i = 0; i < ladders.size(); i++) {
                assertThat(ladders.get(i).size()).isEqualTo(known.get(i).size());
                for (var rung = 0; rung < ladders.get(i).size(); rung++) {
                    assertThat(ladders.get(i).choice(rung).in(null))
                            .isEqualTo(known.get(i).choice(rung));
                    assertThat(ladders.get(i).cost(rung)).isEqualTo(known.get(i).cost(rung));
                }
            }
            var losses = Curves.losses(Ladders.of(before), new double[] {1, 1, 1, 1, 1, 1, 1, 1});
            var all = Ladders.of(before);
            var best = BestSpending.spend(all, losses, new int[8], all.dense());
            for (var i = 0; i < 8; i++) {
                var site = plain.get(i).site();
                assertThat(found.of(site).in(null)).isEqualTo(all.get(i).choice(best[i]));
            }
        }
    }

    private static AllocationProblem problem(List<Evidence> evidence, long limit) {
        return new AllocationProblem(
                evidence, StoragePolicy.AUTO, new Budget.Absolute(CostUnit.BYTES, limit), 32, 1, 0, null);
    }

    @Test
    void rungsRiseInCostAndFallInLoss() {
        var problem = problem(6, 0.5, 9);
        for (var ladder : Ladder.all(problem)) {
            var losses = Curves.onRungs(ladder, ladder.evidence().divergence());
            for (var rung = 1; rung < ladder.size(); rung++) {
                assertThat(ladder.cost(rung)).isGreaterThan(ladder.cost(rung - 1));
                assertThat(losses[rung]).isLessThan(losses[rung - 1]);
            }
            assertThat(ladder.choice(ladder.dense())).isEqualTo(Choice.dense(ladder.site()));
        }
    }

    @Test
    void theTypesAreTold() {
        var problem = problem(8, 0.25, 2);
        var found = Knapsack.of(8, 0).allocate(problem);
        assertThat(found.notes()).singleElement().asString().startsWith("types chosen: whole ");
        found.choices()
                .forEach((site, choice) -> assertThat(found.marks().get(site))
                        .isEqualToIgnoringCase(
                                choice.type() == null ? "plain" : choice.type().name()));
    }

    @Test
    void whatWasNotMeasuredIsNotChosen() {
        var problem = Samples.problem(2, 0.5, 1).withBits(ALL);
        assertThatThrownBy(() -> Knapsack.of(8, 0).allocate(problem))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("what rounding loses");
        assertThat(Allocators.all().stream()
                        .filter(Allocator::choosesTypes)
                        .map(each -> each.info().id()))
                .containsExactly("knapsack");
        assertThat(Knapsack.of(8, 1).choosesTypes()).isFalse();
    }

    @Test
    void lossesLieOnStraightLinesBetweenTheRanksThatWereMeasured() {
        var site = Samples.site(0, Role.O_PROJ, 128, 256);
        var losses =
                new RoundingLoss(Map.of(DType.Q4_0, new Curve(1, new int[] {32, 96}, new double[] {5, 3}))).times(2);
        var dense = Choice.dense(site);
        assertThat(losses.of(dense)).isZero();
        assertThat(losses.of(dense.in(DType.Q4_0))).isEqualTo(2);
        assertThat(losses.of(cut(16))).isEqualTo(10);
        assertThat(losses.of(cut(64))).isEqualTo(8);
        assertThat(losses.of(cut(128))).isEqualTo(6);
        assertThatThrownBy(() -> losses.of(dense.in(DType.Q8_0))).hasMessageContaining("Q8_0");
        assertThatThrownBy(() -> new Curve(-1, new int[0], new double[0])).hasMessageContaining("at least 0");
    }

    private static Choice cut(int rank) {
        return new Choice(StoragePolicy.FACTORED.forms().getFirst(), rank, false, DType.Q4_0);
    }
}
