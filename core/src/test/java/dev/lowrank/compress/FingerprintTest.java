package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.compress.allocate.AllocatorOptions;
import dev.lowrank.compress.allocate.Allocators;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.Methods;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.tensor.DType;
import dev.lowrank.testing.NoNativeLeaks;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

@NoNativeLeaks
class FingerprintTest {
    private static final Budget HALF = new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(0.5));

    @Test
    void thePrecisionOfGradientsIsPartOfIt() {
        var recipe = CompressionRecipe.best(HALF, 0);
        assertThat(Fingerprint.differences(of(recipe, 8, DType.F32), of(recipe, 8, DType.BF16)))
                .singleElement()
                .asString()
                .contains("products", "F32", "BF16");
    }

    @Test
    void thePrecisionOfAnUpdateIsPartOfIt() {
        var recipe = plain(SequentialUpdate.DEFAULT);
        assertThat(of(recipe, 8, DType.F32)).isNotEqualTo(of(recipe, 8, DType.BF16));
    }

    @Test
    void aRecipeWithoutEitherMeansTheSameOnEveryProcessor() {
        var recipe = plain(null);
        assertThat(of(recipe, 8, DType.F32)).isEqualTo(of(recipe, 8, DType.BF16));
    }

    @Test
    void workOfAnEarlierFormatIsRefused() {
        assertThat(of(CompressionRecipe.best(HALF, 0), 8, DType.F32)
                        .path("format")
                        .asString())
                .isEqualTo(Fingerprint.FORMAT)
                .isNotEqualTo("lowrank-2");
    }

    private static CompressionRecipe plain(@Nullable SequentialUpdate update) {
        return new CompressionRecipe(
                "svd-llm",
                Methods.of("svd-llm", MethodOptions.DEFAULT),
                TargetStorage.plain(StoragePolicy.AUTO),
                Allocators.of("uniform", AllocatorOptions.DEFAULT),
                HALF,
                1,
                Set.of(),
                Set.of(),
                update,
                null,
                0);
    }

    private static ObjectNode of(CompressionRecipe recipe, int samples, DType products) {
        return Fingerprint.of(
                JsonMapper.builder().build().createObjectNode(),
                recipe,
                CalibrationShares.of(recipe, samples),
                products,
                CompressionTest.calibration(),
                null);
    }
}
