package dev.lowrank.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.testing.TensorAssert;
import dev.lowrank.testing.Tolerance;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NoNativeLeaks
class FunctionalTest {
    private TensorScope scope;

    @BeforeEach
    void open() {
        scope = TensorScope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static Tensor random(long seed, long... sizes) {
        return Tensors.randn(seed, DType.F32, sizes);
    }

    @Test
    void linearIsAProductWithTheTransposedWeight() {
        var x = random(1, 2, 5, 8);
        var w = random(2, 3, 8);
        var b = random(3, 3);
        TensorAssert.assertThat(Functional.linear(x, w, null)).isCloseTo(x.matmul(w.t()), Tolerance.F32_MATMUL);
        TensorAssert.assertThat(Functional.linear(x, w, b))
                .isCloseTo(x.matmul(w.t()).add(b), Tolerance.F32_MATMUL);
    }

    @Test
    void embeddingPicksRows() {
        var table = random(1, 10, 4);
        var ids = Tensors.ofLongs(new long[] {3, 9}, 1, 2);
        var rows = Functional.embedding(ids, table);
        TensorAssert.assertThat(rows).hasShape(1, 2, 4);
        assertThat(rows.select(0, 0).select(0, 1).equalsAll(table.select(0, 9))).isTrue();
        assertThatThrownBy(() -> Functional.embedding(Tensors.ofLongs(new long[] {10}, 1), table))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("embedding(I64[1], F32[10, 4])");
    }

    @Test
    void rmsNormDividesByTheRootMeanSquare() {
        var x = random(1, 3, 16);
        var weight = random(2, 16);
        var expected = x.mul(x.square().mean(-1, true).add(1e-5).rsqrt()).mul(weight);
        TensorAssert.assertThat(Functional.rmsNorm(x, weight, 1e-5)).isCloseTo(expected, Tolerance.F32_MATMUL);
    }

    @Test
    void rmsNormOfBf16ComputesInF32() {
        var x = random(1, 3, 2048).mul(100).to(DType.BF16);
        var weight = Tensors.ones(DType.BF16, 2048);
        var wide = x.to(DType.F32);
        var expected = wide.mul(wide.square().mean(-1, true).add(1e-5).rsqrt()).to(DType.BF16);
        var actual = Functional.rmsNorm(x, weight, 1e-5);
        assertThat(actual.dtype()).isEqualTo(DType.BF16);
        TensorAssert.assertThat(actual).isCloseTo(expected, Tolerance.BF16_LOGITS);
    }

    @Test
    void layerNormCentresAndScales() {
        var x = random(1, 3, 16);
        var weight = random(2, 16);
        var bias = random(3, 16);
        var centred = x.sub(x.mean(-1, true));
        var unit = centred.mul(centred.square().mean(-1, true).add(1e-5).rsqrt());
        TensorAssert.assertThat(Functional.layerNorm(x, weight, bias, 1e-5))
                .isCloseTo(unit.mul(weight).add(bias), Tolerance.F32_MATMUL);
        TensorAssert.assertThat(Functional.layerNorm(x, weight, null, 1e-5))
                .isCloseTo(unit.mul(weight), Tolerance.F32_MATMUL);
    }

    @Test
    void activationsMatchTheirFormulae() {
        var x = Tensors.ofDoubles(new double[] {-2, -.5, 0, 1, 3}, 5);
        var silu = new double[5];
        var tanh = new double[5];
        for (var i = 0; i < 5; i++) {
            var v = x.toDoubles()[i];
            silu[i] = v / (1 + Math.exp(-v));
            tanh[i] = .5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + .044715 * v * v * v)));
        }
        TensorAssert.assertThat(Functional.silu(x)).isCloseTo(silu, Tolerance.F64_EXACT);
        TensorAssert.assertThat(Functional.geluTanh(x)).isCloseTo(tanh, Tolerance.F64_EXACT);
        // x·Φ(x), Φ from tables to 16 digits
        TensorAssert.assertThat(Functional.gelu(x))
                .isCloseTo(
                        new double[] {
                            -2 * 0.0227501319481792,
                            -.5 * 0.3085375387259869,
                            0,
                            0.8413447460685429,
                            3 * 0.9986501019683699
                        },
                        Tolerance.F64_EXACT);
        assertThat(Functional.relu(x).toDoubles()).containsExactly(0, 0, 0, 1, 3);
    }

    @ParameterizedTest
    @CsvSource({"7, 7, false", "7, 7, true", "3, 9, false", "3, 9, true", "1, 5, false", "150, 170, false"})
    void attentionMatchesItsFormula(int queries, int keys, boolean gradients) {
        var q = random(1, 2, 6, queries, 8);
        var k = random(2, 2, 2, keys, 8);
        var v = random(3, 2, 2, keys, 5);
        var scores = q.matmul(k.repeatInterleave(3, 1).transpose(-1, -2)).mul(0.3); // [2, 6, queries, keys]
        var mask = Tensors.full(-1e30, DType.F32, queries, keys).triu(keys - queries + 1L);
        var expected = scores.add(mask).softmax(-1).matmul(v.repeatInterleave(3, 1));
        var found = gradients
                ? Grad.on(() -> Functional.causalAttention(q, k, v, 0.3))
                : Grad.off(() -> Functional.causalAttention(q, k, v, 0.3));
        TensorAssert.assertThat(found).isCloseTo(expected, Tolerance.F32_MATMUL);
    }

    @Test
    void attentionRefusesHeadsAndQueriesThatDoNotFit() {
        var q = random(1, 1, 4, 3, 8);
        assertThatThrownBy(() -> Functional.causalAttention(q, random(2, 1, 3, 3, 8), random(3, 1, 3, 3, 8), 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("3 key heads");
        assertThatThrownBy(() -> Functional.causalAttention(q, random(2, 1, 2, 2, 8), random(3, 1, 2, 2, 8), 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("a key for each query");
    }

    @Test
    void crossEntropyIsTheNegativeLogProbabilityOfEachTarget() {
        var logits = random(1, 3, 5);
        var targets = Tensors.ofLongs(new long[] {4, 0, 2}, 3);
        var expected =
                logits.logSoftmax(-1).gather(1, targets.unsqueeze(1)).squeeze(1).neg();
        TensorAssert.assertThat(Functional.crossEntropy(logits, targets)).isCloseTo(expected, Tolerance.F32_MATMUL);
        assertThat(Functional.crossEntropy(logits.to(DType.BF16), targets).dtype())
                .isEqualTo(DType.F32);
    }

    @Test
    void gradientModeReturnsResults() {
        assertThat(Grad.off(() -> random(1, 3).sum().item())).isFinite();
        Grad.off(() -> {
            random(1, 3).sum();
        });
    }
}
