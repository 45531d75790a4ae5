package dev.lowrank.compress.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.compress.statistics.Shrinkage;
import dev.lowrank.compress.storage.SiteWriter;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.testing.NoNativeLeaks;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Against the Eckart-Young theorem in the two-sided metric.
@NoNativeLeaks
class KfacSvdTest {
    @ParameterizedTest
    @CsvSource({"24, 40, 9", "40, 24, 9", "32, 32, 5"})
    void theLossOfACutIsTheTailOfTheTwoSidedSpectrum(int out, int in, int rank) {
        TensorScope.tidyRun(() -> {
            try (var sample = SiteSample.of(out, in, 600, 7)) {
                var shrinkage = 0.3;
                var metric = shrunk(sample.felt(), shrinkage);
                var left = root(metric);
                var gram = sample.inputs().t().matmul(sample.inputs());
                var spectrum = Linalg.svd(left.matmul(sample.weight()).matmul(root(gram)))
                        .s()
                        .toDoubles();
                var tail = 0.0;
                for (var i = rank; i < spectrum.length; i++) {
                    tail += spectrum[i] * spectrum[i];
                }
                var factors = new KfacSvd(shrinkage, false, Shrinkage.NONE)
                        .decompose(sample.problem())
                        .leading(rank);
                var error = sample.weight().sub(factors.b().matmul(factors.a()));
                var loss = left.matmul(error).matmul(sample.inputs().t()).norm().item();
                assertThat(loss).isCloseTo(Math.sqrt(tail), within(1e-5 * Math.sqrt(tail)));
            }
        });
    }

    @ParameterizedTest
    @CsvSource({"24, 40, 9", "40, 24, 9"})
    void fullShrinkageIsSvdLlm(int out, int in, int rank) {
        TensorScope.tidyRun(() -> {
            try (var sample = SiteSample.of(out, in, 600, 7)) {
                var both = new KfacSvd(1, false, Shrinkage.NONE)
                        .decompose(sample.problem())
                        .leading(rank);
                var one = new SvdLlm(false, Shrinkage.NONE)
                        .decompose(sample.problem())
                        .leading(rank);
                var difference = both.b().matmul(both.a()).sub(one.b().matmul(one.a()));
                assertThat(difference.norm().item())
                        .isLessThan(1e-8 * one.b().matmul(one.a()).norm().item());
            }
        });
    }

    /// With the mean given back, the error that counts is that of the inputs' deviations from it.
    @ParameterizedTest
    @CsvSource({"24, 40, 9", "40, 24, 9"})
    void centredTheLossIsTheTailOfTheCovariancesSpectrum(int out, int in, int rank) {
        TensorScope.tidyRun(() -> {
            try (var sample = SiteSample.of(out, in, 600, 7)) {
                var decomposition = new KfacSvd(0.3, true, Shrinkage.NONE).decompose(sample.problem());
                var factors = decomposition.leading(rank);
                var mean = sample.measured().requireMean();
                var bias = SiteWriter.restoringBias(null, sample.weight(), factors, mean);
                var error = sample.weight().sub(factors.b().matmul(factors.a()));
                var rest = sample.inputs().matmul(error.t()).sub(bias);
                var left = root(shrunk(sample.felt(), 0.3));
                var tail = decomposition.relativeError(rank)
                        * decomposition.singular().norm().item();
                assertThat(rest.matmul(left).norm().item()).isCloseTo(tail, within(1e-4 * tail));
                assertThat(decomposition.mean()).isNotNull();
            }
        });
    }

    @ParameterizedTest
    @CsvSource({"24, 40, 9", "40, 24, 9"})
    void centredSvdLlmIsLord(int out, int in, int rank) {
        TensorScope.tidyRun(() -> {
            try (var sample = SiteSample.of(out, in, 600, 7)) {
                var one = new SvdLlm(true, Shrinkage.NONE)
                        .decompose(sample.problem())
                        .leading(rank);
                var other = new Lord(true, Shrinkage.NONE)
                        .decompose(sample.problem())
                        .leading(rank);
                assertThat(one.b().equalsAll(other.b())).isTrue();
                assertThat(one.a().equalsAll(other.a())).isTrue();
            }
        });
    }

    private static Tensor shrunk(Tensor moment, double shrinkage) {
        var level = moment.diagonal().mean().item();
        return moment.mul(1 - shrinkage)
                .add(Tensors.eye(DType.F64, moment.size(0)).mul(shrinkage * level));
    }

    /// The symmetric square root.
    private static Tensor root(Tensor moment) {
        var eigen = Linalg.eigh(moment);
        return eigen.vectors()
                .mul(eigen.values().clampMin(0).sqrt())
                .matmul(eigen.vectors().t());
    }
}
