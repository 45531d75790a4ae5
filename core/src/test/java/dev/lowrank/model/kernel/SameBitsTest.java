package dev.lowrank.model.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Plain loops against vectors of this machine's width, as bits: a decoder goes from one to the other in
/// the middle of a text.
class SameBitsTest {
    private static final int ROWS = 41;

    private final Kernels vectors = Kernels.best();
    private final Kernels loops = Kernels.scalar(vectors.lanes());

    static Stream<Arguments> products() {
        var cases = new ArrayList<Arguments>();
        for (var dtype : List.of(DType.F32, DType.BF16, DType.F16)) {
            for (var columns : KernelsTest.SIZES) {
                cases.add(Arguments.of(dtype, columns));
            }
        }
        for (var dtype : DType.values()) {
            if (dtype.isBlocks()) {
                for (var blocks : new int[] {1, 3, 17}) {
                    cases.add(Arguments.of(dtype, blocks * dtype.blockWeights()));
                }
            }
        }
        return cases.stream();
    }

    @ParameterizedTest
    @MethodSource("products")
    void ofProducts(DType dtype, int columns) {
        var random = new SplittableRandom(columns);
        var tensor = dtype.isBlocks()
                ? BlockProductsTest.blocks(dtype, random, ROWS, columns)
                : KernelsTest.tensor(dtype, random, ROWS, columns);
        var inputs = new RowInput[Kernels.MAX_ROWS + 1];
        Arrays.setAll(inputs, i -> KernelsTest.vector(random, columns));
        var expected = PanelProducts.of(vectors, tensor);
        var actual = PanelProducts.of(loops, tensor);
        assertThat(bits(actual.with(inputs[0]))).containsExactly(bits(expected.with(inputs[0])));
        for (var rows : new int[] {4, 7, Kernels.MAX_ROWS}) {
            var expectedRows = expected.withAllButTheFirst(inputs, rows);
            var actualRows = actual.withAllButTheFirst(inputs, rows);
            for (var i = 0; i <= rows; i++) {
                assertThat(bits(actualRows[i])).containsExactly(bits(expectedRows[i]));
            }
        }
    }

    @Test
    void ofScores() {
        for (var width : new int[] {1, 7, 64, 128, 257}) {
            var random = new SplittableRandom(width);
            var keys = KernelsTest.tensor(DType.F32, random, Kernels.KEY_GROUP, width);
            var q = KernelsTest.floats(random, width + 1);
            same(
                    (kernels, scores) -> kernels.scores(DType.F32, keys.data(), 0, width, q, 1, scores, 2, scratch()),
                    new float[130]);
        }
    }

    @Test
    void ofMixedValues() {
        for (var columns : new int[] {1, 15, 16, 33, 64, 100, 128, 1091, 2111}) {
            for (var rows : new int[] {0, 1, 2, 9}) {
                var random = new SplittableRandom(columns);
                var values = KernelsTest.tensor(DType.F32, random, rows + 1, columns);
                var p = KernelsTest.floats(random, rows + 1);
                var start = columns * HostTensor.FLOAT.byteSize();
                same(
                        (kernels, y) ->
                                kernels.mix(DType.F32, values.data(), start, rows, columns, p, 1, y, 1, scratch()),
                        KernelsTest.floats(random, columns + 2));
            }
        }
    }

    @Test
    void ofACacheInBf16() {
        for (var width : new int[] {2, 14, 64, 128, 258}) {
            var random = new SplittableRandom(width);
            var keys = CacheOrder.keys(KernelsTest.tensor(DType.BF16, random, Kernels.KEY_GROUP, width), 2);
            var q = KernelsTest.floats(random, width + 1);
            same(
                    (kernels, scores) -> kernels.scores(DType.BF16, keys, 0, width, q, 1, scores, 2, scratch()),
                    new float[130]);
        }
        for (var columns : new int[] {1, 15, 16, 33, 64, 100, 128, 1091, 2111}) {
            for (var rows : new int[] {0, 1, 2, 9}) {
                var random = new SplittableRandom(columns);
                var values = CacheOrder.values(KernelsTest.tensor(DType.BF16, random, rows + 1, columns), 2);
                var p = KernelsTest.floats(random, rows + 1);
                same(
                        (kernels, y) -> kernels.mix(DType.BF16, values, 0, rows, columns, p, 1, y, 1, scratch()),
                        KernelsTest.floats(random, columns + 2));
            }
        }
    }

    @Test
    void ofExponentials() {
        for (var length : KernelsTest.SIZES) {
            var scores = KernelsTest.floats(new SplittableRandom(length), length + 2);
            for (var i = 0; i < length; i++) {
                scores[i] *= 40 * (i % 5);
            }
            same((kernels, p) -> kernels.expShifted(p, 1, length, 0.3f, p, 0, scratch()), scores);
            same(Kernels::silu, scores);
            same(Kernels::geluTanh, scores);
        }
    }

    @Test
    void ofExtremeExponentials() {
        var x = new float[64];
        Arrays.fill(x, 3);
        System.arraycopy(
                new float[] {0, -0f, Float.NaN, Float.POSITIVE_INFINITY, -1e30f, 88, 89, -87, -88, 1e-40f},
                0,
                x,
                0,
                10);
        same(Kernels::silu, x);
        same(Kernels::geluTanh, x);
    }

    @Test
    void ofNormsAndSums() {
        for (var length : KernelsTest.SIZES) {
            var random = new SplittableRandom(length);
            var x = KernelsTest.floats(random, length);
            var scale = KernelsTest.floats(random, length);
            var shift = KernelsTest.floats(random, length);
            same((kernels, y) -> kernels.rmsNorm(x, scale, 1e-5, y, scratch()), new float[length]);
            same((kernels, y) -> kernels.layerNorm(x, scale, shift, 1e-5, y, scratch()), new float[length]);
            same((kernels, y) -> kernels.add(y, scale), x);
            same((kernels, y) -> kernels.multiply(y, scale), x);
        }
    }

    private void same(BiConsumer<Kernels, float[]> work, float[] input) {
        var expected = input.clone();
        var actual = input.clone();
        work.accept(vectors, expected);
        work.accept(loops, actual);
        assertThat(bits(actual)).containsExactly(bits(expected));
    }

    private static float[] scratch() {
        return new float[Kernels.SCRATCH];
    }

    private static int[] bits(float[] numbers) {
        var bits = new int[numbers.length];
        Arrays.setAll(bits, i -> Float.floatToIntBits(numbers[i]));
        return bits;
    }
}
