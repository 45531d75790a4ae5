package dev.lowrank.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Rules that look at one site at a time choose what they chose before budgets had units: folders written
/// then are written again byte for byte.
class PerSiteTest {
    private static final int[][] SHAPES = {
        {576, 576},
        {192, 576},
        {1536, 576},
        {576, 1536},
        {256, 256},
        {128, 256},
        {704, 256},
        {256, 704},
        {4096, 4096},
        {1024, 4096},
        {37, 91}
    };

    private static List<Evidence> evidence(DType dtype) {
        var random = new SplittableRandom(11);
        var evidence = new ArrayList<Evidence>();
        for (var shape : SHAPES) {
            var site = new LinearSite(
                    0, Role.UP_PROJ, shape[0] + "x" + shape[1], shape[1], shape[0], false, LinearSite.Layout.OUT_IN);
            var singular = random.doubles(Math.min(shape[0], shape[1]))
                    .map(value -> -value)
                    .sorted()
                    .map(value -> value * value)
                    .toArray();
            evidence.add(Evidence.of(site, dtype).withSingular(singular));
        }
        return evidence;
    }

    /// The rank that the first version gave a site of `[out, in]` in a form.
    private interface OldRule {
        int rank(int out, int in, StorageForm form, double[] singular);
    }

    /// The choice of the first version, kept here as the reference.
    private static Choice before(Evidence one, StoragePolicy storage, OldRule rule, int multiple, boolean shrink) {
        var site = one.site();
        var dense = Choice.dense(site);
        var most = bytes(one, dense);
        var best = dense;
        for (var form : storage.forms()) {
            var rank = rule.rank(site.out(), site.in(), form, one.singular());
            var choice = new Choice(form, rank - rank % multiple);
            while (shrink && bytes(one, choice) >= most && choice.rank() > multiple) {
                choice = new Choice(form, choice.rank() - multiple);
            }
            var better = best.isDense()
                    || choice.rank() > best.rank()
                    || choice.rank() == best.rank() && bytes(one, choice) < bytes(one, best);
            if (bytes(one, choice) < most && better) {
                best = choice;
            }
        }
        return best;
    }

    private static long bytes(Evidence one, Choice choice) {
        var site = one.site();
        return choice.form()
                .bytes(site.out(), site.in(), choice.rank(), one.dtype().bytes());
    }

    private static void same(
            StoragePolicy storage, Allocator allocator, Budget budget, int multiple, OldRule rule, boolean shrink) {
        for (var dtype : List.of(DType.BF16, DType.F32)) {
            var evidence = evidence(dtype);
            var allocation = allocator.allocate(new AllocationProblem(evidence, storage, budget, multiple, 1, 1, null));
            for (var one : evidence) {
                assertThat(allocation.of(one.site()))
                        .as("%s %s %s", one.site().name(), dtype, budget)
                        .isEqualTo(before(one, storage, rule, multiple, shrink));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(StoragePolicy.class)
    void uniformGivesTheSameRanks(StoragePolicy storage) {
        var uniform = Allocators.of("uniform", AllocatorOptions.DEFAULT);
        for (var percent = 20; percent < 100; percent++) {
            for (var multiple : new int[] {1, 2, 4}) {
                var keep = KeepRatio.keep(percent / 100.0);
                same(
                        storage,
                        uniform,
                        new Budget.Share(CostUnit.PARAMETERS, keep),
                        multiple,
                        (out, in, form, _) -> form.rankWithin(out, in, keep.kept() * out * in),
                        true);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(StoragePolicy.class)
    void explicitRanksAreCappedByTheMatrix(StoragePolicy storage) {
        for (var rank : new int[] {1, 7, 32, 64, 200, 300, 600, 3000}) {
            same(
                    storage,
                    Allocators.of("rank", AllocatorOptions.DEFAULT.withRank(rank)),
                    new Budget.Unbounded(CostUnit.BYTES),
                    1,
                    (out, in, _, _) -> Math.min(rank, Math.min(out, in)),
                    false);
        }
    }

    @ParameterizedTest
    @EnumSource(StoragePolicy.class)
    void energySharesCountSquaredSingularValues(StoragePolicy storage) {
        for (var share : new double[] {0.2, 0.5, 0.9, 0.99, 1}) {
            same(
                    storage,
                    Allocators.of("energy", AllocatorOptions.DEFAULT.withEnergyShare(share)),
                    new Budget.Unbounded(CostUnit.BYTES),
                    1,
                    (_, _, _, singular) -> energy(singular, share),
                    false);
        }
    }

    @ParameterizedTest
    @EnumSource(StoragePolicy.class)
    void energyIsKeptWhateverTheRankMultiple(StoragePolicy storage) {
        for (var share : new double[] {0.05, 0.9, 0.999}) {
            for (var multiple : new int[] {2, 8, 64}) {
                var problem = new AllocationProblem(
                        evidence(DType.F32), storage, new Budget.Unbounded(CostUnit.BYTES), multiple, 1, 1, null);
                var allocation = Allocators.of("energy", AllocatorOptions.DEFAULT.withEnergyShare(share))
                        .allocate(problem);
                for (var one : problem.evidence()) {
                    var choice = allocation.of(one.site());
                    assertThat(choice.rank()).isGreaterThanOrEqualTo(energy(one.singular(), share));
                    assertThat(choice.isDense() || choice.rank() % multiple == 0)
                            .isTrue();
                }
            }
        }
    }

    private static int energy(double[] singular, double share) {
        var total =
                Arrays.stream(singular).map(value -> value * value).sequential().reduce(0, Double::sum);
        var kept = 0.0;
        var rank = 0;
        while (rank < singular.length && (rank == 0 || kept < share * total)) {
            kept += singular[rank] * singular[rank];
            rank++;
        }
        return rank;
    }

    @Test
    void explicitRanksAreHeldAgainstABudgetThatIsGiven() {
        var problem = new AllocationProblem(
                evidence(DType.F32),
                StoragePolicy.AUTO,
                new Budget.Share(CostUnit.BYTES, KeepRatio.keep(0.1)),
                1,
                1,
                1,
                null);
        assertThatThrownBy(() -> Allocators.of("rank", AllocatorOptions.DEFAULT.withRank(300))
                        .allocate(problem))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("more than the budget");
    }
}
