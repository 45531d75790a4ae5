package dev.lowrank.compress.sensitivity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.compress.sensitivity.SiteSensitivity.Basis;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.testing.NoNativeLeaks;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/// The site under test puts out logits, so that the divergence of a cut is known in closed form.
@NoNativeLeaks
class SiteSensitivityTest {
    private static final int VOCAB = 7;
    private static final int DRAWS = 60_000;

    @Test
    void theCurveIsTheDivergenceWhereCutsAreSmall() {
        TensorScope.tidyRun(() -> {
            try (var store = new TensorStore("test")) {
                var basis = orthonormal();
                var logits = Tensors.randn(2, DType.F64, VOCAB).mul(0.2);
                var curve = measured(basis, logits, null, store).divergence("site");
                assertThat(curve).hasSize(VOCAB + 1);
                assertThat(curve[VOCAB]).isZero();
                for (var rank = 1; rank < VOCAB; rank++) {
                    var kept = basis.narrow(1, 0, rank);
                    var cut = kept.matmul(kept.t()).matmul(logits.unsqueeze(1)).squeeze(1);
                    var exact = divergence(logits, cut);
                    assertThat(curve[rank]).as("rank %d", rank).isCloseTo(exact, within(0.1 * exact + 2e-5));
                }
            }
        });
    }

    @Test
    void aMeanThatABiasGivesBackCostsNothing() {
        TensorScope.tidyRun(() -> {
            try (var store = new TensorStore("test")) {
                var logits = Tensors.randn(2, DType.F64, VOCAB);
                var curve = measured(orthonormal(), logits, logits, store).divergence("site");
                assertThat(curve).containsOnly(0);
            }
        });
    }

    @Test
    void sumsOfPartsAreTheSumOfTheWhole() {
        TensorScope.tidyRun(() -> {
            try (var store = new TensorStore("test")) {
                var basis = basis(orthonormal(), null);
                var outputs = Tensors.randn(3, DType.F32, 10, VOCAB);
                var gradients = Tensors.randn(4, DType.F32, 10, VOCAB);
                var whole = SiteSensitivity.start(basis, store);
                whole.add(outputs, gradients);
                var first = SiteSensitivity.start(basis, store);
                first.add(outputs.narrow(0, 0, 4), gradients.narrow(0, 0, 4));
                var second = SiteSensitivity.start(basis, store);
                second.add(outputs.narrow(0, 4, 6), gradients.narrow(0, 4, 6));
                first.add(second);
                assertThat(first.divergence("site")).containsExactly(whole.divergence("site"), within(1e-6));
                assertThat(first.firstOrder("site")).containsExactly(whole.firstOrder("site"), within(1e-6));
            }
        });
    }

    @Test
    void firstOrderIsTheSlopeOfTheLoss() {
        TensorScope.tidyRun(() -> {
            try (var store = new TensorStore("test")) {
                var orthonormal = orthonormal();
                var output = Tensors.randn(5, DType.F32, 1, VOCAB);
                var gradient = Tensors.randn(6, DType.F32, 1, VOCAB);
                var sums = SiteSensitivity.start(basis(orthonormal, null), store);
                sums.add(output, gradient);
                var changes = sums.firstOrder("site");
                for (var i = 0; i < VOCAB; i++) {
                    var direction = orthonormal.narrow(1, i, 1).to(DType.F32);
                    var along = gradient.matmul(direction).item()
                            * output.matmul(direction).item();
                    assertThat(changes[i]).isCloseTo(-along, within(1e-5));
                }
            }
        });
    }

    @Test
    void aGradientThatIsNotFiniteNamesTheSite() {
        TensorScope.tidyRun(() -> {
            try (var store = new TensorStore("test")) {
                var sums = SiteSensitivity.start(basis(orthonormal(), null), store);
                sums.add(Tensors.full(1, DType.F32, 1, VOCAB), Tensors.full(Double.NaN, DType.F32, 1, VOCAB));
                assertThatThrownBy(() -> sums.divergence("layers.3.q"))
                        .isInstanceOf(NumericalException.class)
                        .hasMessageContaining("layers.3.q");
            }
        });
    }

    private static Tensor orthonormal() {
        return Linalg.qr(Tensors.randn(1, DType.F64, VOCAB, VOCAB)).q();
    }

    private static Basis basis(Tensor orthonormal, Tensor offset) {
        var reversed = orthonormal.to(DType.F32).flip(1).contiguous();
        return new Basis(reversed, reversed, offset == null ? null : offset.to(DType.F32));
    }

    /// Draws labels from the model and adds the gradient `p − onehot(label)` of each.
    private static SiteSensitivity measured(Tensor orthonormal, Tensor logits, Tensor offset, TensorStore store) {
        var sums = SiteSensitivity.start(basis(orthonormal, offset), store);
        var p = logits.softmax(0).toDoubles();
        var random = new SplittableRandom(7);
        var gradients = new float[DRAWS * VOCAB];
        for (var draw = 0; draw < DRAWS; draw++) {
            var u = random.nextDouble();
            var label = 0;
            while (label < VOCAB - 1 && u >= p[label]) {
                u -= p[label++];
            }
            for (var i = 0; i < VOCAB; i++) {
                gradients[draw * VOCAB + i] = (float) (p[i] - (i == label ? 1 : 0));
            }
        }
        var outputs = logits.to(DType.F32).unsqueeze(0).expand(DRAWS, VOCAB).contiguous();
        sums.add(outputs, Tensors.ofFloats(gradients, DRAWS, VOCAB));
        return sums;
    }

    private static double divergence(Tensor logits, Tensor cut) {
        var p = logits.softmax(0).toDoubles();
        var q = cut.softmax(0).toDoubles();
        var sum = 0.0;
        for (var i = 0; i < p.length; i++) {
            sum += p[i] * Math.log(p[i] / q[i]);
        }
        return sum;
    }
}
