package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.compress.allocate.Allocator;
import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.allocate.PerplexityIncrease;
import dev.lowrank.compress.allocate.WithinBound;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.Methods;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.testing.SyntheticLlama;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A model whose MLP is much wider than its residual stream, so that what grows with its square stands out.
@NoNativeLeaks
class NeedsEstimateTest {
    private static final int INNER = 1536;
    private static final Budget HALF = new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(0.5));

    @TempDir
    private Path folder;

    @BeforeEach
    void write() throws Exception {
        SyntheticLlama.write(folder.resolve("source"), new SyntheticLlama.Size(32, 2, 4, 2, INNER, 64), 5);
    }

    @Test
    void memoryCountsTheSumsOfASequentialUpdate() {
        assertThat(needs(recipe("svd-llm", "uniform", true)).memoryBytes()
                        - needs(recipe("svd-llm", "uniform", false)).memoryBytes())
                .isGreaterThan(6L * INNER * INNER * 8);
    }

    @Test
    void memoryCountsTheSumsOverModules() {
        assertThat(needs(recipe("modegpt", "uniform", false)).memoryBytes()
                        - needs(recipe("svd", "uniform", false)).memoryBytes())
                .isGreaterThan(4L * INNER * INNER * 8);
    }

    @Test
    void timeCountsTrials() {
        var one = needs(recipe("svd-llm", "energy", false)).seconds();
        var searched = needs(recipe("svd-llm", "asvd", false)).seconds();
        var bounded = recipe(
                "svd-llm",
                new WithinBound(allocator("energy"), CostUnit.PARAMETERS, new PerplexityIncrease(0.01)),
                false);
        assertThat(searched).isGreaterThan(one);
        assertThat(needs(bounded).seconds()).isGreaterThan(one).isLessThan(searched);
        assertThat(allocator("bolaco").trials(14)).isEqualTo(50);
        assertThat(allocator("asvd").trials(14)).isEqualTo(84);
        assertThat(allocator("knapsack").trials(14)).isZero();
    }

    private CompressionPlan.Needs needs(CompressionRecipe recipe) {
        try (var source = LanguageModel.open(folder.resolve("source"))) {
            return CompressionPlan.of(source, recipe, 64, 512).need();
        }
    }

    private static Allocator allocator(String id) {
        return Allocators.of(id, AllocatorOptions.DEFAULT);
    }

    private static CompressionRecipe recipe(String method, String allocator, boolean updated) {
        return recipe(method, allocator(allocator), updated);
    }

    private static CompressionRecipe recipe(String method, Allocator allocator, boolean updated) {
        var plain =
                CompressionRecipe.of(Methods.of(method, MethodOptions.DEFAULT), StoragePolicy.AUTO, allocator, HALF, 0);
        return new CompressionRecipe(
                plain.name(),
                plain.method(),
                plain.storage(),
                plain.allocator(),
                plain.budget(),
                1,
                plain.targets(),
                plain.protectedLayers(),
                updated ? SequentialUpdate.DEFAULT : null,
                null,
                0);
    }
}
