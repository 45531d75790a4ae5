package dev.lowrank.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.checkpoint.SafetensorsFile;
import dev.lowrank.testing.NoNativeLeaks;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

@NoNativeLeaks
class AdamWTest {
    private static final Path GOLDEN = Path.of("src/test/resources/golden/training/adamw.safetensors");
    private static final double[] RATES = {1e-3, 3e-3, 2e-3, 1e-3, 5e-4};
    private static final int MATRIX = 35;

    @Test
    void fiveStepsAreThoseOfPyTorch() {
        var adam = new AdamW(0.9, 0.95, 1e-8, 0.05);
        try (var golden = SafetensorsFile.open(GOLDEN)) {
            TensorScope.tidyRun(() -> {
                var values = Tensors.from(golden.tensor("start"));
                var mean = Tensors.zeros(DType.F32, values.elements());
                var square = Tensors.zeros(DType.F32, values.elements());
                for (var step = 1; step <= RATES.length; step++) {
                    var gradient = Tensors.from(golden.tensor("gradient." + step));
                    adam.step(values, gradient, mean, square, MATRIX, step, RATES[step - 1]);
                    close(values, Tensors.from(golden.tensor("values." + step)), 1e-6);
                }
                close(mean, Tensors.from(golden.tensor("mean")), 1e-4);
                close(square, Tensors.from(golden.tensor("square")), 1e-2);
            });
        }
    }

    @Test
    void longVectorsMoveElementByElementAsShortOnes() {
        var adam = new AdamW(0.9, 0.999, 1e-8, 0.1);
        var count = 200_000L;
        var decayed = 100_001L;
        TensorScope.tidyRun(() -> {
            var values = Tensors.randn(1, DType.F32, count);
            var gradient = Tensors.randn(2, DType.F32, count);
            var at = Tensors.ofLongs(new long[] {0, 65_535, 65_536, 100_000, 100_001, count - 1}, 6);
            var few = values.indexSelect(0, at);
            adam.step(
                    few,
                    gradient.indexSelect(0, at),
                    Tensors.zeros(DType.F32, 6),
                    Tensors.zeros(DType.F32, 6),
                    4,
                    1,
                    0.01);
            adam.step(
                    values,
                    gradient,
                    Tensors.zeros(DType.F32, count),
                    Tensors.zeros(DType.F32, count),
                    decayed,
                    1,
                    0.01);
            assertThat(values.indexSelect(0, at).equalsAll(few)).isTrue();
        });
    }

    @Test
    void settingsOutOfRangeAreRefused() {
        assertThatThrownBy(() -> new AdamW(1, 0.9, 1e-8, 0)).hasMessageContaining("[0, 1)");
        assertThatThrownBy(() -> new AdamW(0.9, 0.9, 0, 0)).hasMessageContaining("epsilon");
    }

    private static void close(Tensor found, Tensor expected, double tolerance) {
        assertThat(found.sub(expected).abs().max().item()).isCloseTo(0, within(tolerance));
    }
}
