package dev.lowrank.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class TypeConversionTest {
    private static byte[] golden(String name) throws IOException {
        try (var stream = TypeConversionTest.class.getResourceAsStream("/golden/quantised/" + name)) {
            return Objects.requireNonNull(stream, name).readAllBytes();
        }
    }

    private static HostTensor gaussian(int rows, int columns) {
        var random = new SplittableRandom(7);
        var values = new float[rows * columns];
        for (var i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian() * 0.02f;
        }
        return HostTensor.ofFloats(values, rows, columns);
    }

    private static double relativeError(HostTensor original, HostTensor rounded) {
        var x = original.toFloats();
        var y = rounded.toFloats();
        var error = 0.0;
        var norm = 0.0;
        for (var i = 0; i < x.length; i++) {
            error += Math.pow(x[i] - y[i], 2);
            norm += Math.pow(x[i], 2);
        }
        return Math.sqrt(error / norm);
    }

    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q4_1", "Q5_0", "Q8_0", "Q4_K", "Q6_K"})
    void blocksAreThoseOfTheReferenceQuantiser(DType type) throws IOException {
        var bytes = golden("weights.f32");
        var weights = new HostTensor(DType.F32, Shape.of(bytes.length / 1024, 256), MemorySegment.ofArray(bytes));
        var expected = golden(type + ".blocks");
        var rounded = TypeConversion.convert(weights, type, "w", Arena.ofAuto());
        assertThat(rounded.data().mismatch(MemorySegment.ofArray(expected)))
                .as("first differing byte")
                .isEqualTo(-1);
        assertThat(rounded.shape()).isEqualTo(weights.shape());
        // 66 blocks of other values before: nothing of them remains in the next block.
        var single = new byte[type.blockBytes()];
        var floats = weights.toFloats();
        TypeConversion.encode(floats, floats.length - 512, type.blockWeights(), type, MemorySegment.ofArray(single), 0);
        var at = (int) type.bytes(floats.length - 512);
        assertThat(single).containsExactly(Arrays.copyOfRange(expected, at, at + single.length));
    }

    @ParameterizedTest
    @CsvSource({
        "Q4_0, 0.0857",
        "Q4_1, 0.0781",
        "Q5_0, 0.0425",
        "Q8_0, 0.0052",
        "Q4_K, 0.071",
        "Q6_K, 0.0177",
        "NF4, 0.0919",
    })
    void gaussianWeightsLoseWhatTheTypeCosts(DType type, double expected) {
        var weights = gaussian(400, 256);
        var rounded = TypeConversion.convert(weights, type, "w", Arena.ofAuto());
        assertThat(relativeError(weights, rounded)).isCloseTo(expected, within(0.04 * expected));
    }

    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q8_0", "Q4_K", "NF4"})
    void chunksThatRunInParallelGiveTheBytesOfOne(DType type) {
        var weights = gaussian(700, 256); // nearly three chunks
        var rounded = TypeConversion.convert(weights, type, "w", Arena.ofAuto());
        var one = MemorySegment.ofArray(new byte[(int) type.bytes(700 * 256)]);
        TypeConversion.encode(weights.toFloats(), 0, 700 * 256, type, one, 0);
        assertThat(rounded.data().mismatch(one)).isEqualTo(-1);
    }

    @Test
    void plainTypesRoundToTheNearestEven() {
        var values = HostTensor.ofFloats(new float[] {1.00390625f, 1.01171875f, -0f, 1e-8f, 2049, 0.1f}, 6);
        try (var _ = TensorScope.open()) {
            for (var type : new DType[] {DType.BF16, DType.F16, DType.F32}) {
                var rounded = TypeConversion.convert(values, type, "v", Arena.ofAuto());
                var expected = Tensors.from(values).to(type).toFloats();
                assertThat(rounded.toFloats()).as(type.name()).containsExactly(expected);
            }
        }
    }

    @Test
    void blocksOfOneTypeBecomeBlocksOfAnotherThroughTheirValues() {
        var first = TypeConversion.convert(gaussian(4, 256), DType.Q4_1, "w", Arena.ofAuto());
        var floats = HostTensor.ofFloats(first.toFloats(), 4, 256);
        var expected = TypeConversion.convert(floats, DType.Q6_K, "w", Arena.ofAuto());
        var found = TypeConversion.convert(first, DType.Q6_K, "w", Arena.ofAuto());
        assertThat(found.data().mismatch(expected.data())).isEqualTo(-1);
        var same = TypeConversion.convert(first, DType.Q4_1, "w", Arena.ofAuto());
        assertThat(same.data().mismatch(first.data()))
                .as("the same type is copied")
                .isEqualTo(-1);
    }

    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q4_K", "NF4", "BF16"})
    void whatIsNotFiniteIsNamed(DType type) {
        var values = gaussian(300, 256).toFloats();
        values[70_000] = Float.NaN;
        values[70_300] = Float.POSITIVE_INFINITY;
        var tensor = HostTensor.ofFloats(values, 300, 256);
        assertThatThrownBy(() -> TypeConversion.convert(tensor, type, "blk.3.ffn_up", Arena.ofAuto()))
                .isInstanceOf(NumericalException.class)
                .hasMessageContaining("NUM_NONFINITE: blk.3.ffn_up")
                .hasMessageContaining("index 70000");
    }

    @ParameterizedTest
    @CsvSource({"Q4_0, 1e6", "Q4_1, 1e6", "Q8_0, 1e7", "Q4_K, 1e8", "Q6_K, 1e9", "NF4, 7e4", "F16, 65520"})
    void whatNoHalfCanScaleIsRefusedInsteadOfWritten(DType type, float large) {
        var values = new float[512];
        values[300] = large;
        var tensor = HostTensor.ofFloats(values, 2, 256);
        assertThatThrownBy(() -> TypeConversion.convert(tensor, type, "w", Arena.ofAuto()))
                .isInstanceOf(NumericalException.class)
                .hasMessageContaining("too large for " + type)
                .hasMessageContaining("BF16 or F32");
    }

    @Test
    void typesThatAreOnlyReadAreRefused() {
        var tensor = gaussian(1, 256);
        for (var type : new DType[] {DType.Q5_K, DType.Q5_1, DType.F8_E4M3, DType.I32}) {
            assertThatThrownBy(() -> TypeConversion.convert(tensor, type, "w", Arena.ofAuto()))
                    .as(type.name())
                    .isInstanceOf(IllegalArgumentException.class);
            assertThat(TypeConversion.blockTypes()).doesNotContain(type);
        }
        assertThatThrownBy(() -> TypeConversion.convert(gaussian(1, 100), DType.Q4_0, "w", Arena.ofAuto()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("whole blocks");
    }

    @Test
    void nf4KeepsItsOwnLevelsAndZeroExactly() {
        var values = new float[64];
        for (var i = 0; i < 16; i++) {
            values[4 * i] = NormalFloat4.level(i) * 0.5f;
        }
        var tensor = HostTensor.ofFloats(values, 64);
        var rounded = TypeConversion.convert(tensor, DType.NF4, "w", Arena.ofAuto());
        assertThat(rounded.bytes()).isEqualTo(34);
        assertThat(rounded.toFloats()).containsExactly(values);
        var zeros = TypeConversion.convert(HostTensor.ofFloats(new float[128], 2, 64), DType.NF4, "z", Arena.ofAuto());
        assertThat(zeros.toFloats()).containsOnly(0);
    }

    @Test
    void nf4TakesTheNearestLevelOfAll() {
        var weights = gaussian(50, 64);
        var rounded = TypeConversion.convert(weights, DType.NF4, "w", Arena.ofAuto());
        for (var block = 0; block < 50; block++) {
            var d = BlockDecoder.half(rounded.data(), block * 34L);
            for (var i = 0; i < 64; i++) {
                var x = (float) weights.get(block * 64L + i);
                var found = Math.abs(x - rounded.get(block * 64L + i));
                for (var code = 0; code < 16; code++) {
                    assertThat(found).isLessThanOrEqualTo(Math.abs(x - d * NormalFloat4.level(code)) + 1e-8);
                }
            }
        }
    }
}
