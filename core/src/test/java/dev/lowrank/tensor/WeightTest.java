package dev.lowrank.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.testing.TensorAssert;
import dev.lowrank.testing.Tolerance;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NoNativeLeaks
class WeightTest {
    private TensorScope scope;

    @BeforeEach
    void open() {
        scope = TensorScope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    @ParameterizedTest
    @CsvSource({"1, 8, 24", "3, 17, 5", "273, 64, 96", "600, 33, 130"})
    void packedAndPlainAgreeWithEveryEpilogue(int rows, int in, int out) {
        var w = random(1, out, in);
        for (var bias : new @Nullable Tensor[] {null, random(2, out)}) {
            var x = random(3, 1, rows, in);
            var other = random(4, 1, rows, out);
            var plainly = x.matmul(w.t());
            var y = bias == null ? plainly : plainly.add(bias);
            var silu = y.div(y.neg().exp().add(Tensors.ones(DType.F32, 1)));
            for (var weight : new Weight[] {Weight.plain(w), Weight.packed(w)}) {
                Grad.off(() -> {
                    same(weight.linear(x, bias, Epilogue.NONE), y);
                    same(weight.linear(x, bias, Epilogue.SILU), silu);
                    same(weight.linear(x, bias, new Epilogue.Plus(other)), y.add(other));
                    same(weight.linear(x, bias, new Epilogue.Times(other)), y.mul(other));
                });
            }
        }
    }

    @Test
    void rowsThatDoNotLieTogetherAreMultipliedToo() {
        var w = random(1, 6, 4);
        var x = random(2, 2, 5, 9).narrow(2, 3, 4);
        Grad.off(() -> same(Weight.packed(w).linear(x, null, Epilogue.NONE), x.matmul(w.t())));
    }

    @Test
    void aPackedWeightIsForForwardPassesOnly() {
        if (!PackedWeight.available()) {
            return; // Weight.packed is plain then
        }
        var packed = Weight.packed(random(1, 6, 4));
        var x = random(2, 5, 4);
        assertThatThrownBy(() -> Grad.on(() -> packed.linear(x, null, Epilogue.NONE)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("No gradient");
        assertThatThrownBy(packed::values).isInstanceOf(IllegalStateException.class);
        assertThat(packed.dtype()).isEqualTo(DType.F32);
    }

    @Test
    void gradientsPassThroughAPlainWeightAndItsEpilogue() {
        var w = random(1, 6, 4);
        var other = random(3, 5, 6);
        var gradient = Grad.on(() -> {
            var x = Grad.leaf(random(2, 5, 4));
            var y = Weight.plain(w).linear(x, null, new Epilogue.Times(other));
            return Grad.of(y, Tensors.ones(DType.F32, 5, 6), List.of(x)).getFirst();
        });
        same(gradient, other.matmul(w));
    }

    private static void same(Tensor found, Tensor expected) {
        TensorAssert.assertThat(found).isCloseTo(expected, Tolerance.F32_MATMUL);
    }

    private static Tensor random(long seed, long... sizes) {
        return Tensors.randn(seed, DType.F32, sizes);
    }
}
