package dev.lowrank.model.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class KernelsTest {
    /// F32 sums of up to 704 terms, relative to the sum of the terms' magnitudes.
    private static final double F32_SUM = 2e-6;

    /// Functions with an exponential, relative to 1 or to the value.
    private static final double F32_FUNCTION = 1e-6;

    static final int[] SIZES = {1, 3, 17, 31, 32, 33, 575, 576, 704};

    private final float[] scratch = new float[Kernels.SCRATCH];

    static Stream<Kernels> kernels() {
        return Stream.of(Kernels.best(), Kernels.scalar());
    }

    static Stream<Arguments> products() {
        var cases = new ArrayList<Arguments>();
        for (var kernels : kernels().toList()) {
            for (var dtype : List.of(DType.F32, DType.BF16, DType.F16, DType.F64, DType.F8_E4M3, DType.F8_E5M2)) {
                for (var size : SIZES) {
                    cases.add(Arguments.of(kernels, dtype, size));
                }
            }
        }
        return cases.stream();
    }

    @ParameterizedTest
    @MethodSource("products")
    void productsEqualAPlainLoopInDouble(Kernels kernels, DType dtype, int columns) {
        var random = new SplittableRandom(columns);
        var tensor = tensor(dtype, random, 41, columns);
        PanelProducts.of(kernels, tensor).equalAPlainLoopInDouble(random, F32_SUM);
    }

    @ParameterizedTest
    @MethodSource("products")
    void aRowHasTheSameBitsInAnyRangeAndAmongOthers(Kernels kernels, DType dtype, int columns) {
        var random = new SplittableRandom(columns);
        var tensor = tensor(dtype, random, 107, columns);
        PanelProducts.of(kernels, tensor).haveTheSameBitsInAnyRangeAndAmongOthers(random);
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void everyF16IsWidenedExactly(Kernels kernels) {
        // One row per F16, its value beside zeros, so that each row's product is the value itself.
        var columns = 32;
        for (var place : new int[] {0, 1, 30, 31}) {
            var data = Arena.ofAuto().allocate(65536L * columns * 2, 2);
            for (var bits = 0; bits < 65536; bits++) {
                data.set(HostTensor.SHORT, ((long) bits * columns + place) * 2, (short) bits);
            }
            var x = new RowInput(columns);
            x.values()[place] = 1;
            var products = PanelProducts.of(kernels, new HostTensor(DType.F16, Shape.of(65536, columns), data));
            var y = products.with(x);
            for (var bits = 0; bits < 65536; bits++) {
                // As bits, so that NaN equals NaN; the sum with zeros loses the sign of zero.
                var expected = Float.float16ToFloat((short) bits) + 0f;
                if (Float.floatToIntBits(y[bits]) != Float.floatToIntBits(expected)) {
                    assertThat(y[bits]).as("F16 %04x", bits).isEqualTo(Float.valueOf(expected));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void weightsMayStartAtAnyByteAndOnTheHeap(Kernels kernels) {
        var random = new SplittableRandom(5);
        for (var dtype : List.of(DType.F32, DType.BF16, DType.F16)) {
            var tensor = tensor(dtype, random, 6, 100);
            var shifted = Arena.ofAuto().allocate(tensor.bytes() + 3).asSlice(3);
            shifted.copyFrom(tensor.data());
            var heap = MemorySegment.ofArray(new byte[(int) tensor.bytes()]);
            heap.copyFrom(tensor.data());
            var x = vector(random, 100);
            var expected = PanelProducts.of(kernels, tensor).with(x);
            for (var data : List.of(shifted, heap)) {
                var actual = PanelProducts.of(kernels, new HostTensor(dtype, tensor.shape(), data))
                        .with(x);
                assertThat(actual).containsExactly(expected);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void scoresAreProductsWithKeysSideBySide(Kernels kernels) {
        for (var width : new int[] {1, 7, 32, 64}) {
            var random = new SplittableRandom(width);
            var blocks = Kernels.KEY_GROUP / Kernels.KEY_BLOCK;
            var keys = tensor(DType.F32, random, (blocks + 1) * width, Kernels.KEY_BLOCK);
            var q = vector(random, width + 1).values();
            var scores = new float[Kernels.KEY_GROUP + 2];
            kernels.scores(DType.F32, keys.data(), 4L * width * Kernels.KEY_BLOCK, width, q, 1, scores, 1, scratch);
            for (var i = 0; i < Kernels.KEY_GROUP; i++) {
                var sum = 0.0;
                for (var j = 0; j < width; j++) {
                    var row = (i / Kernels.KEY_BLOCK + 1L) * width + j;
                    sum += keys.get(row * Kernels.KEY_BLOCK + i % Kernels.KEY_BLOCK) * q[1 + j];
                }
                assertThat((double) scores[1 + i]).isCloseTo(sum, within(F32_SUM * 2 * width));
            }
            assertThat(scores[0] + scores[Kernels.KEY_GROUP + 1]).isZero();
        }
    }

    /// The same bits as the same numbers in F32, which the other tests check.
    @ParameterizedTest
    @MethodSource("kernels")
    void aCacheInBf16GivesTheBitsOfItsNumbersInF32(Kernels kernels) {
        for (var width : new int[] {2, 14, 64, 258}) {
            var random = new SplittableRandom(width);
            var keys = tensor(DType.BF16, random, Kernels.KEY_GROUP, width);
            var q = floats(random, width + 1);
            var expected = new float[Kernels.KEY_GROUP + 2];
            kernels.scores(DType.F32, CacheOrder.keys(keys, 1), 0, width, q, 1, expected, 1, scratch);
            var actual = new float[Kernels.KEY_GROUP + 2];
            kernels.scores(DType.BF16, CacheOrder.keys(keys, 2), 0, width, q, 1, actual, 1, scratch);
            assertThat(actual).containsExactly(expected);
        }
        for (var columns : SIZES) {
            for (var rows : new int[] {0, 1, 2, 9}) {
                var random = new SplittableRandom(columns);
                var values = tensor(DType.BF16, random, rows + 1, columns);
                var p = floats(random, rows + 1);
                var expected = floats(random, columns + 2);
                var actual = expected.clone();
                kernels.mix(DType.F32, CacheOrder.values(values, 1), 0, rows, columns, p, 1, expected, 1, scratch);
                kernels.mix(DType.BF16, CacheOrder.values(values, 2), 0, rows, columns, p, 1, actual, 1, scratch);
                assertThat(actual).containsExactly(expected);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void mixAddsTheWeightedSumOfRows(Kernels kernels) {
        for (var columns : SIZES) {
            var random = new SplittableRandom(columns);
            var rows = tensor(DType.F32, random, 9, columns);
            var p = vector(random, 10).values();
            var y = new float[columns + 2];
            Arrays.fill(y, 1, columns + 1, 0.5f);
            y[0] = 42;
            kernels.mix(DType.F32, rows.data(), columns * 4L, 8, columns, p, 2, y, 1, scratch);
            for (var j = 0; j < columns; j++) {
                var sum = 0.5;
                for (var i = 0; i < 8; i++) {
                    sum += p[2 + i] * rows.get((i + 1L) * columns + j);
                }
                assertThat((double) y[1 + j]).isCloseTo(sum, within(F32_FUNCTION * 10));
            }
            assertThat(y[0]).isEqualTo(42);
            assertThat(y[columns + 1]).isZero();
        }
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void exponentialsAreOfWhatIsBelowTheGreatest(Kernels kernels) {
        for (var length : SIZES) {
            var p = new float[length + 4];
            var random = new SplittableRandom(length);
            var largest = Double.NEGATIVE_INFINITY;
            var input = new double[length];
            for (var i = 0; i < length; i++) {
                p[2 + i] = (float) random.nextDouble(-400, 400);
                input[i] = p[2 + i] * 0.125;
                largest = Math.max(largest, input[i]);
            }
            var result = new float[] {7, 0, 0, 7};
            kernels.expShifted(p, 2, length, 0.125f, result, 1, scratch);
            var total = 0.0;
            for (var i = 0; i < length; i++) {
                var expected = Math.exp(input[i] - largest);
                total += expected;
                assertThat((double) p[2 + i]).isCloseTo(expected, within(F32_FUNCTION * 10 * expected + 1e-37));
            }
            assertThat((double) result[1]).isCloseTo(largest, within(F32_FUNCTION * Math.abs(largest)));
            assertThat((double) result[2]).isCloseTo(total, within(F32_FUNCTION * 10 * total));
            assertThat(result[0] + result[3]).isEqualTo(14);
            assertThat(p[0] + p[1] + p[2 + length] + p[3 + length]).isZero();
        }
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void normsDivideByTheirStatistics(Kernels kernels) {
        for (var length : SIZES) {
            var random = new SplittableRandom(length);
            var x = floats(random, length);
            var scale = floats(random, length);
            var shift = floats(random, length);
            var squares = 0.0;
            var mean = 0.0;
            for (var value : x) {
                squares += (double) value * value / length;
                mean += (double) value / length;
            }
            var variance = squares - mean * mean;
            var rms = new float[length];
            var layer = new float[length];
            kernels.rmsNorm(x, scale, 1e-5, rms, scratch);
            kernels.layerNorm(x, scale, shift, 1e-5, layer, scratch);
            for (var i = 0; i < length; i++) {
                var first = x[i] / Math.sqrt(squares + 1e-5) * scale[i];
                var second = (x[i] - mean) / Math.sqrt(variance + 1e-5) * scale[i] + shift[i];
                assertThat((double) rms[i]).isCloseTo(first, within(F32_FUNCTION * 5));
                // One element is its own mean: rounding of the mean is magnified by 1 / sqrt(epsilon).
                assertThat((double) layer[i]).isCloseTo(second, within(length == 1 ? 1e-4 : F32_FUNCTION * 10));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void activationsEqualTheirDefinitions(Kernels kernels) {
        var length = 4003;
        var x = new float[length];
        for (var i = 0; i < length; i++) {
            x[i] = (i - 2001) * 0.01f;
        }
        var silu = x.clone();
        var tanh = x.clone();
        var gelu = x.clone();
        var relu = x.clone();
        kernels.silu(silu);
        kernels.geluTanh(tanh);
        kernels.gelu(gelu);
        kernels.relu(relu);
        for (var i = 0; i < length; i++) {
            double v = x[i];
            var tolerance = F32_FUNCTION * Math.max(1, Math.abs(v));
            assertThat((double) silu[i]).isCloseTo(v / (1 + Math.exp(-v)), within(tolerance));
            var inner = Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v);
            assertThat((double) tanh[i]).isCloseTo(v * (1 + Math.tanh(inner)) / 2, within(tolerance));
            assertThat((double) gelu[i]).isCloseTo(v * simpsonNormal(v), within(1e-7 + 6e-8 * Math.abs(v)));
            assertThat(relu[i]).isEqualTo(v > 0 ? x[i] : 0);
        }
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void activationsOfExtremeInputsStayFinite(Kernels kernels) {
        var x = new float[] {-1e30f, -1000, -100, 100, 1000, 1e30f};
        // Long enough for the vector path as well as the tail.
        var wide = new float[x.length * 16];
        for (var i = 0; i < wide.length; i++) {
            wide[i] = x[i / 16];
        }
        kernels.silu(wide);
        for (var i = 0; i < wide.length; i++) {
            var input = x[i / 16];
            if (input > 0) {
                assertThat(wide[i]).isEqualTo(input);
            } else {
                assertThat(wide[i]).isBetween(1e-7f * input, 0f);
            }
        }
    }

    /// The normal distribution function by Simpson's rule from 0.
    private static double simpsonNormal(double x) {
        var steps = 400;
        var h = x / steps;
        var sum = 0.0;
        for (var i = 0; i <= steps; i++) {
            var weight = i == 0 || i == steps ? 1 : i % 2 == 1 ? 4 : 2;
            sum += weight * Math.exp(-(i * h) * (i * h) / 2);
        }
        return 0.5 + sum * h / 3 / Math.sqrt(2 * Math.PI);
    }

    @Test
    void rotationTurnsHalvesNotNeighbours() {
        var x = new float[] {9, 1, 2, 3, 4, 9};
        Kernels.best().rotate(x, 1, new float[] {0, 0.6f}, new float[] {1, 0.8f});
        assertThat(x)
                .containsExactly(new float[] {9, -3, 2 * 0.6f - 4 * 0.8f, 1, 4 * 0.6f + 2 * 0.8f, 9}, within(1e-6f));
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void addAndMultiplyTouchEveryElement(Kernels kernels) {
        for (var length : SIZES) {
            var random = new SplittableRandom(length);
            var x = floats(random, length);
            var y = floats(random, length);
            var sum = x.clone();
            var product = x.clone();
            kernels.add(sum, y);
            kernels.multiply(product, y);
            for (var i = 0; i < length; i++) {
                assertThat(sum[i]).isEqualTo(x[i] + y[i]);
                assertThat(product[i]).isEqualTo(x[i] * y[i]);
            }
        }
    }

    @Test
    void aMatrixOfIntegersIsRefused() {
        assertThatThrownBy(() -> PanelProducts.of(Kernels.best(), HostTensor.ofInts(new int[4], 2, 2)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("I32 [2, 2]");
    }

    @Test
    void theBestKernelsSayWhatTheyAre() {
        assertThat(Kernels.best().describe()).matches("Vector API, \\d+-bit vectors|plain loops.*");
        assertThat(Kernels.scalar().describe()).contains("--add-modules");
    }

    static float[] floats(SplittableRandom random, int length) {
        return Arrays.copyOf(vector(random, length).values(), length);
    }

    static RowInput vector(SplittableRandom random, int length) {
        var vector = new RowInput(length);
        for (var i = 0; i < length; i++) {
            vector.values()[i] = (float) random.nextDouble(-2, 2);
        }
        return vector;
    }

    static HostTensor tensor(DType dtype, SplittableRandom random, int rows, int columns) {
        var data = Arena.ofAuto().allocate((long) rows * columns * dtype.bytes(), 64);
        for (var i = 0L; i < (long) rows * columns; i++) {
            var value = (float) random.nextDouble(-1, 1);
            switch (dtype) {
                case F32 -> data.set(HostTensor.FLOAT, i * 4, value);
                case F64 -> data.set(HostTensor.DOUBLE, i * 8, value);
                case BF16 -> data.set(HostTensor.SHORT, i * 2, (short) (Float.floatToRawIntBits(value) >>> 16));
                case F16 -> data.set(HostTensor.SHORT, i * 2, Float.floatToFloat16(value));
                // Bits without the largest exponents, whose values are not finite.
                default -> data.set(ValueLayout.JAVA_BYTE, i, (byte) (random.nextInt(256) & 0xBF));
            }
        }
        return new HostTensor(dtype, Shape.of(rows, columns), data);
    }
}
