package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.compress.allocate.AllocationProblem;
import dev.lowrank.compress.allocate.Allocator;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.Evidence;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.allocate.RankRule;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.Methods;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The allocators that took over from [RankRule] choose what it chose.
class RankRuleParityTest {
    private static final int[][] SHAPES = {
        {576, 576}, {192, 576}, {1536, 576}, {576, 1536}, {256, 256}, {128, 256}, {704, 256}, {256, 704}, {4096, 4096},
        {1024, 4096}, {37, 91}
    };

    private static List<Evidence> evidence(DType dtype) {
        var random = new SplittableRandom(11);
        var evidence = new ArrayList<Evidence>();
        for (var shape : SHAPES) {
            var site = new LinearSite(
                    0,
                    Role.UP_PROJ,
                    shape[0] + "x" + shape[1],
                    shape[1],
                    shape[0],
                    false,
                    LinearSite.Layout.OUT_IN);
            var singular = random.doubles(Math.min(shape[0], shape[1]))
                    .map(value -> -value)
                    .sorted()
                    .map(value -> value * value)
                    .toArray();
            evidence.add(Evidence.of(site, dtype).withSingular(singular));
        }
        return evidence;
    }

    private static void same(StoragePolicy storage, RankRule rule, Allocator allocator, Budget budget, int multiple) {
        var method = Methods.of(storage == StoragePolicy.TUCKER ? "tucker" : "svd", MethodOptions.DEFAULT);
        var recipe = new CompressionRecipe(method, storage, rule, multiple, Set.of(), Set.of(), null, 1);
        for (var dtype : List.of(DType.BF16, DType.F32)) {
            var evidence = evidence(dtype);
            var allocation =
                    allocator.allocate(new AllocationProblem(evidence, storage, budget, multiple, 1, 1, null));
            for (var one : evidence) {
                var before = SitePlan.choose(one.site(), recipe, dtype, one.singular());
                var after = allocation.of(one.site());
                assertThat(after.form()).as("%s %s", one.site().name(), rule).isEqualTo(before.form());
                assertThat(after.rank()).as("%s %s", one.site().name(), rule).isEqualTo(before.rank());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(StoragePolicy.class)
    void uniformGivesTheSameRanks(StoragePolicy storage) {
        var uniform = Allocators.of("uniform", AllocatorOptions.DEFAULT);
        for (var percent = 15; percent <= 100; percent++) {
            for (var multiple : new int[] {1, 2, 4}) {
                var keep = KeepRatio.keep(percent / 100.0);
                same(
                        storage,
                        new RankRule.Uniform(keep),
                        uniform,
                        new Budget.Share(CostUnit.PARAMETERS, keep),
                        multiple);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(StoragePolicy.class)
    void explicitRanksAndEnergySharesGiveTheSameRanks(StoragePolicy storage) {
        var budget = new Budget.Unbounded(CostUnit.BYTES);
        for (var rank : new int[] {1, 7, 32, 64, 200, 300, 600, 3000}) {
            var explicit = Allocators.of("rank", AllocatorOptions.DEFAULT.withRank(rank));
            same(storage, new RankRule.Explicit(rank), explicit, budget, 1);
        }
        for (var share : new double[] {0.2, 0.5, 0.9, 0.99, 1}) {
            var energy = Allocators.of("energy", AllocatorOptions.DEFAULT.withEnergyShare(share));
            same(storage, new RankRule.Energy(share), energy, budget, 2);
        }
    }
}
