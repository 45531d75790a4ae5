package dev.lowrank.compress.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.compress.method.Factors;
import dev.lowrank.compress.storage.SiteWriter;
import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Linear;
import dev.lowrank.model.output.MergedExport;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.testing.NoNativeLeaks;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/// What a site loses by being rounded to blocks.
@NoNativeLeaks
class SiteRoundingTest {
    private static final Path POCKET =
            Path.of(System.getProperty("lowrank.root", "..")).resolve("models/pocket");

    static List<DType> types() {
        return Quantization.types();
    }

    @ParameterizedTest
    @EnumSource(names = {"FACTORED", "PIVOTED"})
    void factorsLoseLessByFeedbackThanOneByOne(StorageForm form) {
        TensorScope.tidyRun(() -> {
            var weight = Tensors.randn(1, DType.F64, 96, 256);
            var metric = RoundingMetric.of(FeedbackRoundingTest.correlated(3, 256), "inputs");
            var linear = cut(weight, metric.moment(), 64, form);
            for (var type : List.of(DType.Q4_0, DType.Q8_0)) {
                var passed = round(type, false, linear, weight, metric);
                var nearest = round(type, true, linear, weight, metric);
                assertThat(passed.report().feedback()).isTrue();
                assertThat(nearest.report().feedback()).isFalse();
                assertThat(passed.report().cut()).isEqualTo(nearest.report().cut());
                assertThat(passed.report().joint()).isLessThan(nearest.report().joint());
                assertThat(passed.report().joint())
                        .isGreaterThan(passed.report().cut() * (1 - 1e-9));
                assertThat(passed.linear().form()).isEqualTo(form.id());
                var error = weight.sub(MergedExport.matrix(passed.linear()));
                assertThat(metric.cost(error)).isEqualTo(passed.report().joint());
            }
        });
    }

    @ParameterizedTest
    @MethodSource("types")
    void feedbackIsNeverWorseOnThePocketModel(DType type) {
        try (var source = LanguageModel.open(POCKET)) {
            TensorScope.tidyRun(() -> {
                var sites = source.spec().blocks().getFirst().sites();
                for (var site : sites) {
                    if (source.weights().linear(site) instanceof Linear.Dense dense) {
                        var weight = SiteWriter.exact(dense.weight(), site.name());
                        var moment = FeedbackRoundingTest.correlated(site.in(), site.in());
                        var metric = RoundingMetric.of(moment, site.name());
                        var exact = SiteWriter.dense(weight, null, DType.F64, Arena.ofAuto(), site.name());
                        var passed = round(type, false, exact, weight, metric).report();
                        var nearest = round(type, true, exact, weight, metric).report();
                        assertThat(passed.joint()).as(site.name()).isLessThanOrEqualTo(nearest.joint());
                        assertThat(passed.cut()).isZero();
                        assertThat(passed.types()).containsOnlyKeys("weight");
                    }
                }
            });
        }
    }

    @Test
    void rowsThatAreNoWholeBlocksTakeAFinerTypeAndSaySo() {
        TensorScope.tidyRun(() -> {
            var weight = Tensors.randn(1, DType.F64, 40, 96);
            var metric = RoundingMetric.of(FeedbackRoundingTest.correlated(3, 96), "inputs");
            var linear = cut(weight, metric.moment(), 20, StorageForm.FACTORED);
            var q4 = round(DType.Q4_K, false, linear, weight, metric);
            assertThat(q4.report().types()).containsEntry("a", "q5_0").containsEntry("b", "f16");
            assertThat(q4.report().notes(new Quantization(DType.Q4_K, false))).hasSize(2);
            assertThat(q4.linear().parts().getLast().dtype()).isEqualTo(DType.F16);
            assertThat(StorageForm.FACTORED.bytes(40, 96, 20, DType.Q4_K))
                    .isEqualTo(q4.linear().bytes());
        });
    }

    @ParameterizedTest
    @EnumSource(names = {"FACTORED", "PIVOTED"})
    void whatTheFitLosesIsTheCutWhereThatWasTheBest(StorageForm form) {
        TensorScope.tidyRun(() -> {
            var weight = Tensors.randn(1, DType.F64, 96, 256);
            var metric = RoundingMetric.of(FeedbackRoundingTest.correlated(3, 256), "inputs");
            var best = cut(weight, metric.moment(), 64, form);
            var cost = metric.cost(weight.sub(MergedExport.matrix(best)));
            var fitted = SiteRounding.fittedCost(best, weight, metric, "site");
            // Of factors the left one is fitted to the whole weight; pivots are rows of the cut one.
            assertThat(fitted).isBetween(cost * (form == StorageForm.FACTORED ? 1 - 1e-9 : 0.9), cost * (1 + 1e-9));
            var other = cut(weight, Tensors.eye(DType.F64, 256), 64, form);
            assertThat(SiteRounding.fittedCost(other, weight, metric, "site"))
                    .isLessThan(metric.cost(weight.sub(MergedExport.matrix(other))) * (1 + 1e-9));
            var dense = SiteWriter.dense(weight, null, DType.F64, Arena.ofAuto(), "site");
            assertThat(SiteRounding.fittedCost(dense, weight, metric, "site")).isZero();
        });
    }

    @Test
    void withoutTheMomentOfTheInputsOnlyPlainRoundingIsPossible() {
        TensorScope.tidyRun(() -> {
            var weight = Tensors.randn(1, DType.F64, 32, 64);
            var exact = SiteWriter.dense(weight, null, DType.F64, Arena.ofAuto(), "site");
            assertThatThrownBy(() -> round(DType.Q8_0, false, exact, weight, null))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("second moment")
                    .hasMessageContaining("--quantize-plain");
            var plain = round(DType.Q8_0, true, exact, weight, null);
            assertThat(plain.report().weighed()).isFalse();
            assertThat(plain.report().jointError()).isBetween(1e-4, 1e-2);
        });
    }

    private static SiteRounding.Rounded round(
            DType type, boolean plain, Linear.Base linear, Tensor weight, @Nullable RoundingMetric metric) {
        return new SiteRounding(new Quantization(type, plain), DType.F16, Arena.ofAuto())
                .round(linear, weight, metric, "site");
    }

    /// The cut that loses least in a metric.
    private static Linear.Base cut(Tensor weight, Tensor moment, int rank, StorageForm form) {
        var output = weight.matmul(moment).matmul(weight.t());
        var basis = Linalg.eigh(output).vectors();
        var b = basis.narrow(1, 0, rank).contiguous();
        var factors = new Factors(b, null, b.t().matmul(weight));
        return SiteWriter.write(factors, form, null, DType.F64, Arena.ofAuto(), "site");
    }
}
