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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CalibrationSharesTest {
    private static final Budget HALF = new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(0.5));

    /// The first row is what published figures of 64 windows were made with.
    @ParameterizedTest
    @CsvSource({"64, 32, 16, 32, 64", "256, 32, 16, 32, 256", "40, 20, 16, 20, 40", "8, 4, 4, 4, 8", "1, 1, 1, 1, 1"})
    void ourOwnRecipeJudgesBySomeAndWritesFromAll(int samples, int metric, int curves, int decomposition, int update) {
        var shares = CalibrationShares.of(CompressionRecipe.best(HALF, 0), samples);
        assertThat(shares).isEqualTo(new CalibrationShares(samples, metric, curves, decomposition, update, 0, 0));
        assertThat(shares.words())
                .contains(samples + " given", "gradient metric " + metric, "sequential update " + update);
    }

    @ParameterizedTest
    @CsvSource({"64", "256", "40", "8", "2"})
    void windowsThatJudgeMadeNeitherMetricNorDecomposition(int samples) {
        var shares = CalibrationShares.of(CompressionRecipe.best(HALF, 0), samples);
        var windows = new ArrayList<int[]>();
        for (var i = 0; i < samples; i++) {
            windows.add(new int[] {i});
        }
        var judging = first(shares.ofCurves(windows));
        assertThat(judging).doesNotContainAnyElementsOf(first(shares.ofMetric(windows)));
        assertThat(judging).doesNotContainAnyElementsOf(first(windows.subList(0, shares.decomposition())));
    }

    @ParameterizedTest
    @CsvSource({
        "svd, uniform, 0, 0, 0, 0",
        "svd-llm, uniform, 0, 0, 80, 0",
        "svd-llm, knapsack, 0, 16, 80, 0",
        "kfac-svd, zs-svd, 32, 16, 80, 0",
        "svd-llm, influence, 0, 0, 80, 16",
        "modegpt, influence, 0, 0, 80, 16",
        "modegpt, uniform, 0, 0, 80, 0",
        "basis-sharing, uniform, 0, 0, 80, 0",
        "shortgpt, uniform, 0, 0, 0, 80"
    })
    void whatIsWrittenComesFromEveryWindow(
            String method, String allocator, int metric, int curves, int decomposition, int influence) {
        var recipe = CompressionRecipe.of(
                Methods.of(method, MethodOptions.DEFAULT),
                StoragePolicy.AUTO,
                Allocators.of(allocator, AllocatorOptions.DEFAULT),
                HALF,
                0);
        var given = recipe.needsCalibration() ? 80 : 0;
        assertThat(CalibrationShares.of(recipe, 80))
                .isEqualTo(new CalibrationShares(given, metric, curves, decomposition, 0, influence, 0));
    }

    @Test
    void whatSeesNothingSaysNothing() {
        assertThat(new CalibrationShares(0, 0, 0, 0, 0, 0, 0).words()).isEmpty();
    }

    private static List<Integer> first(List<int[]> windows) {
        return windows.stream()
                .map(window -> Arrays.stream(window).findFirst().orElseThrow())
                .toList();
    }
}
