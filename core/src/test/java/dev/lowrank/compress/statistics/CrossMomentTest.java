package dev.lowrank.compress.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.testing.NoNativeLeaks;
import org.junit.jupiter.api.Test;

@NoNativeLeaks
class CrossMomentTest {
    private static final int IN = 12;
    private static final int TOKENS = 300;

    @Test
    void theFitIsTheLeastSquaresSolution() {
        TensorScope.tidyRun(() -> {
            try (var store = new TensorStore("test")) {
                var whole = Tensors.randn(1, DType.F32, TOKENS, IN);
                var cut = whole.add(Tensors.randn(2, DType.F32, TOKENS, IN).mul(0.3));
                var weight = Tensors.randn(3, DType.F64, 7, IN);
                var fit = fit(whole, cut, 1e-9, store);
                var fitted = fit.fitted(weight, 1);
                var target = whole.to(DType.F64).matmul(weight.t());
                var oracle = Linalg.lstsq(cut.to(DType.F64), target).t();
                assertThat(fitted.sub(oracle).norm().item())
                        .isLessThan(1e-5 * oracle.norm().item());
            }
        });
    }

    @Test
    void equalInputsLeaveTheWeightAsItIs() {
        TensorScope.tidyRun(() -> {
            try (var store = new TensorStore("test")) {
                var whole = Tensors.randn(1, DType.F32, TOKENS, IN);
                var weight = Tensors.randn(3, DType.F64, 7, IN);
                var fitted = fit(whole, whole, 1e-3, store).fitted(weight, 1);
                assertThat(fitted.sub(weight).abs().max().item()).isLessThan(1e-5);
            }
        });
    }

    @Test
    void partsAddUp() {
        TensorScope.tidyRun(() -> {
            try (var store = new TensorStore("test")) {
                var whole = Tensors.randn(1, DType.F32, TOKENS, IN);
                var cut = Tensors.randn(2, DType.F32, TOKENS, IN);
                var first = new CrossMoment(IN, null, store);
                first.add(whole.narrow(0, 0, 100), cut.narrow(0, 0, 100));
                var second = new CrossMoment(IN, null, store);
                second.add(whole.narrow(0, 100, 200), cut.narrow(0, 100, 200));
                first.add(second);
                var parts = first.fit(1e-3, "site");
                var together = fit(whole, cut, 1e-3, store);
                assertThat(parts.tokens()).isEqualTo(TOKENS);
                var weight = Tensors.randn(3, DType.F64, 7, IN);
                assertThat(parts.fitted(weight, 0.5)
                                .sub(together.fitted(weight, 0.5))
                                .norm()
                                .item())
                        .isLessThan(1e-4);
            }
        });
    }

    @Test
    void aSumAtTheOutputsGivesTheSameFit() {
        TensorScope.tidyRun(() -> {
            try (var store = new TensorStore("test")) {
                var whole = Tensors.randn(1, DType.F32, TOKENS, IN);
                var cut = whole.add(Tensors.randn(2, DType.F32, TOKENS, IN).mul(0.3));
                var weight = Tensors.randn(3, DType.F64, 7, IN);
                var narrow = new CrossMoment(IN, weight.to(DType.F32), store);
                narrow.add(whole, cut);
                var fitted = narrow.fit(1e-3, "site").fitted(weight, 0.5);
                var expected = fit(whole, cut, 1e-3, store).fitted(weight, 0.5);
                assertThat(fitted.sub(expected).norm().item())
                        .isLessThan(1e-5 * expected.norm().item());
            }
        });
    }

    @Test
    void sumsBeyondAFoldKeepTheirDigits() {
        TensorScope.tidyRun(() -> {
            try (var store = new TensorStore("test")) {
                var sum = new SymmetricSum(IN, store);
                var rows = Tensors.randn(4, DType.F32, 5000, IN);
                for (var from = 0; from < 5000; from += 500) {
                    sum.add(rows.narrow(0, from, 500));
                }
                var wide = rows.to(DType.F64);
                var exact = wide.t().matmul(wide);
                sum.add(rows);
                exact = exact.mul(2);
                assertThat(sum.matrix().sub(exact).norm().item())
                        .isLessThan(1e-6 * exact.norm().item());
            }
        });
    }

    @Test
    void anInputThatIsNotFiniteNamesTheSite() {
        TensorScope.tidyRun(() -> {
            try (var store = new TensorStore("test")) {
                var bad = Tensors.full(Double.NaN, DType.F32, 3, IN);
                assertThatThrownBy(() -> fit(bad, bad, 1e-3, store))
                        .isInstanceOf(NumericalException.class)
                        .hasMessageContaining("layers.2");
            }
        });
    }

    private static CrossMoment.Fit fit(Tensor whole, Tensor cut, double ridge, TensorStore store) {
        var moment = new CrossMoment(IN, null, store);
        moment.add(whole, cut);
        return moment.fit(ridge, "layers.2");
    }
}
