package dev.lowrank.model.kernel;

import static org.assertj.core.api.Assertions.assertThat;
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

class BlockProductsTest {
    /// F32 sums of up to 1536 terms, relative to the sum of the terms' magnitudes.
    private static final double F32_SUM = 2e-6;

    private static final int ROWS = 11;

    /// Halves: ordinary, negative, largest, smallest normal, smallest of all, both zeros.
    private static final short[] SCALES = {0x2C31, (short) 0xA8F7, 0x7BFF, 0x0400, 0x0001, 0, (short) 0x8000};

    private final float[] lanes = new float[Kernels.SCRATCH];

    static Stream<Arguments> products() {
        var cases = new ArrayList<Arguments>();
        for (var kernels : List.of(Kernels.best(), Kernels.scalar())) {
            for (var dtype : DType.values()) {
                if (dtype.isBlocks()) {
                    for (var blocks : dtype.blockWeights() == 32 ? new int[] {1, 2, 18, 48} : new int[] {1, 3}) {
                        cases.add(Arguments.of(kernels, dtype, blocks * dtype.blockWeights()));
                    }
                }
            }
        }
        return cases.stream();
    }

    @ParameterizedTest
    @MethodSource("products")
    void productsEqualAPlainLoopInDouble(Kernels kernels, DType dtype, int columns) {
        var random = new SplittableRandom(columns);
        var tensor = blocks(dtype, random, ROWS, columns);
        var x = KernelsTest.vector(random, columns);
        var y = new float[ROWS + 3];
        kernels.products(RowMatrix.of(tensor), 1, ROWS - 2, x, y, 2, lanes);
        for (var row = 1; row < ROWS - 1; row++) {
            var sum = 0.0;
            var size = 0.0;
            for (var j = 0; j < columns; j++) {
                var term = tensor.get((long) row * columns + j) * x.values()[j];
                sum += term;
                size += Math.abs(term);
            }
            assertThat((double) y[1 + row]).isCloseTo(sum, within(F32_SUM * size + Float.MIN_NORMAL));
        }
        assertThat(y[1]).isZero();
        assertThat(y[ROWS]).isZero();
    }

    @ParameterizedTest
    @MethodSource("products")
    void productsHaveTheBitsOfThoseWithDecodedRows(Kernels kernels, DType dtype, int columns) {
        var random = new SplittableRandom(columns + 1);
        var tensor = blocks(dtype, random, ROWS, columns);
        var decoded = HostTensor.ofFloats(tensor.toFloats(), ROWS, columns);
        var x = KernelsTest.vector(random, columns);
        var expected = new float[ROWS];
        kernels.products(RowMatrix.of(decoded), 0, ROWS, x, expected, 0, lanes);
        for (var length : new int[] {1, 2, 3, 5, 8, ROWS}) {
            var actual = new float[ROWS];
            for (var first = 0; first < ROWS; first += length) {
                kernels.products(RowMatrix.of(tensor), first, Math.min(length, ROWS - first), x, actual, first, lanes);
            }
            assertThat(actual).containsExactly(expected);
        }
    }

    @Test
    void bitsDoNotChangeWhenTheCodeIsCompiled() {
        for (var dtype : List.of(DType.Q4_0, DType.Q4_1, DType.Q8_0)) {
            var random = new SplittableRandom(9);
            var matrix = RowMatrix.of(blocks(dtype, random, ROWS, 576));
            var x = KernelsTest.vector(random, 576);
            var first = new float[ROWS];
            Kernels.best().products(matrix, 0, ROWS, x, first, 0, lanes);
            var later = new float[ROWS];
            for (var i = 0; i < 20_000; i++) {
                Kernels.best().products(matrix, 0, ROWS, x, later, 0, lanes);
            }
            assertThat(later).containsExactly(first);
        }
    }

    @ParameterizedTest
    @MethodSource("products")
    void aCopiedRowHoldsTheDecodedWeights(Kernels kernels, DType dtype, int columns) {
        var tensor = blocks(dtype, new SplittableRandom(3), ROWS, columns);
        var row = new float[columns];
        RowMatrix.of(tensor).copyRow(7, row);
        assertThat(row).containsExactly(Arrays.copyOfRange(tensor.toFloats(), 7 * columns, 8 * columns));
    }

    @Test
    void blocksMayStartAtAnyByteAndOnTheHeap() {
        for (var dtype : List.of(DType.Q4_0, DType.Q4_1, DType.Q8_0)) {
            var random = new SplittableRandom(5);
            var tensor = blocks(dtype, random, 6, 96);
            var x = KernelsTest.vector(random, 96);
            var expected = new float[6];
            Kernels.best().products(RowMatrix.of(tensor), 0, 6, x, expected, 0, lanes);
            var shifted = Arena.ofAuto().allocate(tensor.bytes() + 3).asSlice(3);
            var heap = MemorySegment.ofArray(new byte[(int) tensor.bytes()]);
            for (var data : List.of(shifted, heap)) {
                data.copyFrom(tensor.data());
                var actual = new float[6];
                var matrix = RowMatrix.of(new HostTensor(dtype, tensor.shape(), data));
                Kernels.best().products(matrix, 0, 6, x, actual, 0, lanes);
                assertThat(actual).containsExactly(expected);
            }
        }
    }

    @Test
    void typesWithKernelsStayInTheirBlocks() {
        var random = new SplittableRandom(2);
        assertThat(RowMatrix.of(blocks(DType.Q4_1, random, 2, 64)).rowBytes()).isEqualTo(40);
        assertThat(RowMatrix.of(blocks(DType.Q8_0, random, 2, 64)).dtype()).isEqualTo(DType.Q8_0);
        assertThat(RowMatrix.of(blocks(DType.Q6_K, random, 2, 256)).dtype()).isEqualTo(DType.F32);
    }

    /// Random bytes with finite scales.
    private static HostTensor blocks(DType dtype, SplittableRandom random, int rows, int columns) {
        var data = Arena.ofAuto().allocate(dtype.bytes((long) rows * columns), 2);
        for (var i = 0L; i < data.byteSize(); i++) {
            data.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt(256));
        }
        for (var at = 0L; at < data.byteSize(); at += dtype.blockBytes()) {
            data.set(HostTensor.SHORT, dtype == DType.Q6_K ? at + 208 : at, scale(random));
            if (dtype == DType.Q4_1 || dtype == DType.Q5_1 || dtype == DType.Q4_K || dtype == DType.Q5_K) {
                data.set(HostTensor.SHORT, at + 2, scale(random));
            }
        }
        return new HostTensor(dtype, Shape.of(rows, columns), data);
    }

    private static short scale(SplittableRandom random) {
        return SCALES[random.nextInt(SCALES.length)];
    }
}
