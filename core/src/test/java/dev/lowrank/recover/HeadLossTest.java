package dev.lowrank.recover;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.checkpoint.SafetensorsFile;
import dev.lowrank.recover.TeacherTargets.Top;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.testing.NoNativeLeaks;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NoNativeLeaks
class HeadLossTest {
    private static final Path GOLDEN = Path.of("src/test/resources/golden/training/loss.safetensors");

    @ParameterizedTest
    @CsvSource({"plain, 0.25, 1", "soft, 0.25, 2.5", "teacher, 0, 1", "text, 1, 1"})
    void lossAndGradientAreThoseOfAutograd(String name, double text, double temperature) {
        try (var golden = SafetensorsFile.open(GOLDEN)) {
            TensorScope.tidyRun(() -> {
                var top = new Top(
                        Tensors.from(golden.tensor(name + ".indices")),
                        Tensors.from(golden.tensor(name + ".probabilities"), DType.F32));
                var found = HeadLoss.of(
                        Tensors.from(golden.tensor("logits")),
                        Tensors.from(golden.tensor("targets")),
                        top,
                        new RecoveryRecipe.Loss(text, temperature, 5));
                assertThat(found.crossEntropy())
                        .isCloseTo(golden.tensor(name + ".entropy").get(0), within(1e-4));
                assertThat(found.divergence())
                        .isCloseTo(golden.tensor(name + ".divergence").get(0), within(1e-4));
                var expected = Tensors.from(golden.tensor(name + ".gradient"));
                assertThat(found.gradient().sub(expected).abs().max().item()).isLessThan(2e-5);
            });
        }
    }
}
