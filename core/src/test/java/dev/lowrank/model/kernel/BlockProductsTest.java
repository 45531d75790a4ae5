package dev.lowrank.model.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class BlockProductsTest {
    /// F32 sums of up to 3072 terms, relative to the sum of the terms' magnitudes.
    private static final double F32_SUM = 2e-6;

    private static final int ROWS = 43;

    /// Halves: ordinary, negative, largest, smallest normal, smallest of all, both zeros.
    private static final short[] SCALES = {0x2C31, (short) 0xA8F7, 0x7BFF, 0x0400, 0x0001, 0, (short) 0x8000};

    static Stream<Arguments> products() {
        var cases = new ArrayList<Arguments>();
        for (var kernels : List.of(Kernels.best(), Kernels.scalar())) {
            for (var dtype : DType.values()) {
                if (dtype.isBlocks()) {
                    for (var blocks : dtype.blockWeights() == 256 ? new int[] {1, 3} : new int[] {1, 2, 18, 48}) {
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
        PanelProducts.of(kernels, blocks(dtype, random, ROWS, columns)).equalAPlainLoopInDouble(random, F32_SUM);
    }

    @ParameterizedTest
    @MethodSource("products")
    void aRowHasTheSameBitsInAnyRangeAndAmongOthers(Kernels kernels, DType dtype, int columns) {
        var random = new SplittableRandom(columns + 1);
        PanelProducts.of(kernels, blocks(dtype, random, ROWS, columns)).haveTheSameBitsInAnyRangeAndAmongOthers(random);
    }

    @Test
    void bitsDoNotChangeWhenTheCodeIsCompiled() {
        for (var dtype : List.of(DType.Q4_0, DType.Q4_1, DType.Q8_0, DType.Q4_K, DType.Q6_K, DType.NF4)) {
            var random = new SplittableRandom(9);
            PanelProducts.of(Kernels.best(), blocks(dtype, random, ROWS, 768))
                    .haveTheSameBitsWhenTheCodeIsCompiled(random, 5_000);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K", "NF4"})
    void compiledProductsAllocateNothing(DType dtype) {
        var random = new SplittableRandom(11);
        PanelProducts.of(Kernels.best(), blocks(dtype, random, ROWS, 768)).allocateNothingOnceCompiled(random);
    }

    /// No rounding but that of the weight itself is left.
    @ParameterizedTest
    @MethodSource("products")
    void aProductWithAUnitVectorIsAColumnOfDecodedWeights(Kernels kernels, DType dtype, int columns) {
        var tensor = blocks(dtype, new SplittableRandom(3), ROWS, columns);
        var products = PanelProducts.of(kernels, tensor);
        var weights = tensor.toFloats();
        // Odd, so that all places of words are met.
        var step = columns / 64 | 1;
        for (var column = 0; column < columns; column += step) {
            var unit = new RowInput(columns);
            unit.values()[column] = 1;
            var made = products.with(unit);
            for (var row = 0; row < ROWS; row++) {
                assertThat(made[row] + 0f).isEqualTo(weights[row * columns + column] + 0f);
            }
        }
    }

    @Test
    void blocksMayStartAtAnyByteAndOnTheHeap() {
        for (var dtype : List.of(DType.Q4_0, DType.Q4_1, DType.Q5_0, DType.Q8_0, DType.Q4_K, DType.Q6_K, DType.NF4)) {
            var random = new SplittableRandom(5);
            var columns = 3 * dtype.blockWeights();
            var tensor = blocks(dtype, random, 6, columns);
            var x = KernelsTest.vector(random, columns);
            var expected = PanelProducts.of(Kernels.best(), tensor).with(x);
            var shifted = Arena.ofAuto().allocate(tensor.bytes() + 3).asSlice(3);
            var heap = MemorySegment.ofArray(new byte[(int) tensor.bytes()]);
            for (var data : List.of(shifted, heap)) {
                data.copyFrom(tensor.data());
                var moved = new HostTensor(dtype, tensor.shape(), data);
                assertThat(PanelProducts.of(Kernels.best(), moved).with(x)).containsExactly(expected);
            }
        }
    }

    @Test
    void packedWeightsTakeTheBytesOfTheirBlocks() {
        var random = new SplittableRandom(2);
        for (var dtype : List.of(DType.Q4_0, DType.Q4_1, DType.Q8_0, DType.Q6_K, DType.NF4)) {
            var columns = 2 * dtype.blockWeights();
            assertThat(PanelProducts.of(Kernels.best(), blocks(dtype, random, 16, columns))
                            .panels()
                            .bytes())
                    .isEqualTo(dtype.bytes(16L * columns));
        }
        // Multipliers of six bits take eight.
        assertThat(PanelProducts.of(Kernels.best(), blocks(DType.Q4_K, random, 16, 256))
                        .panels()
                        .bytes())
                .isEqualTo(DType.Q4_K.bytes(16 * 256) + 16 * 4);
        assertThat(PanelProducts.of(Kernels.best(), blocks(DType.Q5_K, random, 16, 256))
                        .panels()
                        .bytes())
                .isEqualTo(DType.F32.bytes(16 * 256));
    }

    /// Random bytes with finite scales.
    static HostTensor blocks(DType dtype, SplittableRandom random, int rows, int columns) {
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
