package dev.lowrank.compress.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

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
                var factors = new KfacSvd(shrinkage).decompose(sample.problem()).leading(rank);
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
                var both = new KfacSvd(1).decompose(sample.problem()).leading(rank);
                var one = new SvdLlm().decompose(sample.problem()).leading(rank);
                var difference = both.b().matmul(both.a()).sub(one.b().matmul(one.a()));
                assertThat(difference.norm().item())
                        .isLessThan(1e-8 * one.b().matmul(one.a()).norm().item());
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
