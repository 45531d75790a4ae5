package dev.lowrank.compress.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.compress.method.Factors;
import dev.lowrank.compress.quantize.OutlierFit.Split;
import dev.lowrank.compress.quantize.OutlierFit.Stored;
import dev.lowrank.compress.quantize.OutlierFit.Storing;
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
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What single entries beside a form save.
@NoNativeLeaks
class OutlierFitTest {
    private static final Path POCKET =
            Path.of(System.getProperty("lowrank.root", "..")).resolve("models/pocket");
    private static final int OUT = 48;
    private static final int IN = 64;
    private static final int RANK = 12;

    @Test
    void plantedOutliersOfALowRankMatrixAreFound() {
        TensorScope.tidyRun(() -> {
            var low = Tensors.randn(1, DType.F64, OUT, RANK).matmul(Tensors.randn(2, DType.F64, RANK, IN));
            var planted = planted(30, 40);
            var split = split(low.add(planted), null, 0.01, cutting(null), true);
            var found = split.linear().sparse().matrix().toDoubles();
            assertThat(split.report().outliers()).isEqualTo(30);
            // Of 3072 entries those that were planted stand out, and the rest is the low rank that was there.
            var there = planted.toDoubles();
            var hits = IntStream.range(0, there.length).filter(i -> there[i] != 0 && found[i] != 0);
            assertThat(hits.count()).isGreaterThan(24);
            assertThat(split.report().joint()).isLessThan(0.2 * split.report().cut());
        });
    }

    @Test
    void aWeightInBlocksIsRidOfWhatItsScalesMustSpan() {
        TensorScope.tidyRun(() -> {
            var weight = Tensors.randn(3, DType.F64, OUT, IN).add(planted(30, 20));
            var metric = RoundingMetric.of(FeedbackRoundingTest.correlated(3, IN), "inputs");
            var without = round(weight, metric, DType.Q4_0);
            var split = split(weight, metric, 0.01, rounding(DType.Q4_0, false, metric), true);
            assertThat(split.report().joint()).isLessThan(0.5 * without.joint());
            assertThat(split.report().types()).containsEntry("weight", "q4_0");
            assertThat(split.report().weighed()).isTrue();
            assertThat(split.report().cut()).isZero();
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void moreOutliersLoseLess(boolean blocks) {
        TensorScope.tidyRun(() -> {
            var weight = Tensors.randn(5, DType.F64, OUT, IN);
            var metric = RoundingMetric.of(FeedbackRoundingTest.correlated(3, IN), "inputs");
            var storing = blocks ? rounding(DType.Q4_0, false, metric) : cutting(metric);
            var before = blocks
                    ? round(weight, metric, DType.Q4_0).joint()
                    : metric.cost(weight.sub(
                            MergedExport.matrix(storing.of(weight, null).linear())));
            for (var share : new double[] {0.001, 0.01, 0.05, 0.2}) {
                var report = split(weight, metric, share, storing, true).report();
                assertThat(report.outliers()).isEqualTo(Math.max(1, (int) (share * OUT * IN)));
                assertThat(report.joint()).as("share %s", share).isLessThan(before);
                before = report.joint();
            }
        });
    }

    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "NF4", "Q4_K", "Q4_1", "Q6_K", "Q8_0"})
    void blocksWithOutliersBeatBlocksOnThePocketModel(DType type) {
        try (var source = LanguageModel.open(POCKET)) {
            TensorScope.tidyRun(() -> {
                var site = source.spec().blocks().getFirst().sites().getFirst();
                var dense = (Linear.Dense) source.weights().linear(site);
                var weight = SiteWriter.exact(dense.weight(), site.name());
                var metric = RoundingMetric.of(FeedbackRoundingTest.correlated(site.in(), site.in()), site.name());
                for (var plain : new boolean[] {false, true}) {
                    var storing = rounding(type, plain, metric);
                    var without = storing.of(weight, null).rounding();
                    var split = split(weight, metric, 0.01, storing, true);
                    assertThat(without).isNotNull();
                    assertThat(split.report().joint()).isLessThan(without.joint());
                    var error = weight.sub(MergedExport.matrix(split.linear()));
                    assertThat(split.report().joint())
                            .isCloseTo(metric.cost(error), within(1e-9 * metric.cost(weight)));
                }
            });
        }
    }

    @Test
    void entriesAreFittedTogetherInTheMetric() {
        TensorScope.tidyRun(() -> {
            var error = Tensors.randn(7, DType.F64, OUT, IN);
            var moment = RoundingMetric.of(FeedbackRoundingTest.correlated(3, IN), "inputs")
                    .moment();
            var fit = new EntryFit(moment);
            var places = EntryFit.largest(fit.savings(error), 150);
            assertThat(places).isSorted().doesNotHaveDuplicates();
            var left = error.sub(at(places, fit.values(error, places)));
            var pull = left.matmul(moment).toDoubles();
            var before = error.matmul(moment).toDoubles();
            var most = Arrays.stream(places)
                    .mapToDouble(place -> Math.abs(before[(int) place]))
                    .max();
            for (var place : places) {
                // Hardly an entry could save anything more by changing alone.
                assertThat(Math.abs(pull[(int) place])).isLessThan(0.05 * most.orElseThrow());
            }
        });
    }

    @Test
    void whatAnEntrySavesAloneIsTold() {
        TensorScope.tidyRun(() -> {
            var error = Tensors.randn(7, DType.F64, 3, IN);
            var metric = RoundingMetric.of(FeedbackRoundingTest.correlated(3, IN), "inputs");
            var fit = new EntryFit(metric.moment());
            var place = new long[] {IN + 5};
            var left = error.sub(at(place, fit.values(error, place)).narrow(0, 0, 3));
            assertThat(fit.savings(error)[IN + 5])
                    .isCloseTo(metric.cost(error) - metric.cost(left), within(1e-9 * metric.cost(error)));
        });
    }

    @Test
    void ofEqualEntriesTheFirstAreTaken() {
        assertThat(EntryFit.largest(new double[] {1, 3, 1, 1, 2}, 3)).containsExactly(0, 1, 4);
        assertThat(EntryFit.largest(new double[5], 2)).containsExactly(0, 1);
    }

    @Test
    void whatCannotBeStoredAgainKeepsItsCut() {
        TensorScope.tidyRun(() -> {
            var weight = Tensors.randn(5, DType.F64, OUT, IN);
            var once = split(weight, null, 0.05, cutting(null), false);
            var again = split(weight, null, 0.05, cutting(null), true);
            assertThat(once.report().cut()).isEqualTo(again.report().cut());
            assertThat(once.report().joint()).isLessThan(once.report().cut());
            assertThat(again.report().joint()).isLessThanOrEqualTo(once.report().joint());
            assertThat(once.report().weighed()).isFalse();
        });
    }

    @Test
    void sharesThatAreNoneAreRefused() {
        for (var share : new double[] {0, -0.1, 0.3, Double.NaN}) {
            assertThatThrownBy(() -> new Outliers(share))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("--outliers")
                    .hasMessageContaining(String.valueOf(share));
        }
        assertThat(new Outliers(0.01).count(100, 70)).isEqualTo(70);
        assertThat(new Outliers(0.01).count(2, 2)).isEqualTo(1);
    }

    private static Split split(
            Tensor weight, @Nullable RoundingMetric metric, double share, Storing storing, boolean again) {
        return new OutlierFit(new Outliers(share), DType.F32, Arena.ofAuto())
                .split(weight, metric, storing, again, "site");
    }

    /// The cut that loses least in a metric, in F32.
    private static Storing cutting(@Nullable RoundingMetric metric) {
        return (weight, _) -> {
            var output = (metric == null ? weight : weight.matmul(metric.moment())).matmul(weight.t());
            var b = Linalg.eigh(output).vectors().narrow(1, 0, RANK).contiguous();
            var factors = new Factors(b, null, b.t().matmul(weight));
            return new Stored(
                    SiteWriter.write(factors, StorageForm.FACTORED, null, DType.F32, Arena.ofAuto(), "site"), null);
        };
    }

    private static Storing rounding(DType type, boolean plain, RoundingMetric metric) {
        return (weight, spared) -> {
            var exact = SiteWriter.dense(weight, null, DType.F64, Arena.ofAuto(), "site");
            var made = new SiteRounding(new Quantization(type, plain), DType.F16, Arena.ofAuto())
                    .round(exact, weight, metric, spared, "site");
            return new Stored((Linear.Base) made.linear(), made.report());
        };
    }

    private static RoundingReport round(Tensor weight, RoundingMetric metric, DType type) {
        var report = rounding(type, false, metric).of(weight, null).rounding();
        assertThat(report).isNotNull();
        return report;
    }

    /// Entries of one size and changing sign, spread over `[OUT, IN]`.
    private static Tensor planted(int count, double size) {
        var places = new long[count];
        var values = new double[count];
        for (var i = 0; i < count; i++) {
            places[i] = (long) i * OUT * IN / count + 37L * i % 90;
            values[i] = i % 2 == 0 ? size : -size;
        }
        return at(places, values);
    }

    private static Tensor at(long[] places, double[] values) {
        var matrix = new double[OUT * IN];
        for (var i = 0; i < places.length; i++) {
            matrix[(int) places[i]] = values[i];
        }
        return Tensors.ofDoubles(matrix, OUT, IN);
    }
}
