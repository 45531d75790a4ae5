package dev.lowrank.compress.sensitivity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.testing.NoNativeLeaks;
import org.junit.jupiter.api.Test;

/// What an error of a weight does to the loss.
@NoNativeLeaks
class NoiseSensitivityTest {
    @Test
    void itIsHalfTheMeanSquareOfTheFirstOrderChange() {
        TensorScope.tidyRun(() -> {
            try (var store = new TensorStore("test")) {
                var error = Tensors.randn(1, DType.F32, 3, 5);
                var inputs = Tensors.randn(2, DType.F32, 7, 5);
                var gradients = Tensors.randn(3, DType.F32, 7, 3);
                var e = error.toDoubles();
                var x = inputs.toDoubles();
                var g = gradients.toDoubles();
                var expected = 0.0;
                for (var token = 0; token < 7; token++) {
                    var change = 0.0;
                    for (var i = 0; i < 3; i++) {
                        for (var j = 0; j < 5; j++) {
                            change += g[token * 3 + i] * e[i * 5 + j] * x[token * 5 + j];
                        }
                    }
                    expected += change * change / 14;
                }
                var whole = NoiseSensitivity.start(error, store);
                whole.add(inputs, gradients);
                assertThat(whole.divergence("site")).isCloseTo(expected, within(1e-5));
                var first = NoiseSensitivity.start(error, store);
                first.add(inputs.narrow(0, 0, 2), gradients.narrow(0, 0, 2));
                var second = NoiseSensitivity.start(error, store);
                second.add(inputs.narrow(0, 2, 5), gradients.narrow(0, 2, 5));
                first.add(second);
                assertThat(first.divergence("site")).isCloseTo(expected, within(1e-5));
            }
        });
    }

    @Test
    void aGradientThatIsNotFiniteNamesTheSite() {
        TensorScope.tidyRun(() -> {
            try (var store = new TensorStore("test")) {
                var sums = NoiseSensitivity.start(Tensors.randn(1, DType.F32, 3, 5), store);
                sums.add(Tensors.randn(2, DType.F32, 1, 5), Tensors.full(Double.NaN, DType.F32, 1, 3));
                assertThatThrownBy(() -> sums.divergence("layers.3.q"))
                        .isInstanceOf(NumericalException.class)
                        .hasMessageContaining("layers.3.q");
            }
        });
    }
}
