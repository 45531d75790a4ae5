package dev.lowrank.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BlockTensorTest {
    /// More than one chunk of the parallel decoder.
    private static final int ROWS = 300;

    @Test
    void bytesAreThoseOfWholeBlocks() {
        assertThat(DType.Q4_1.bytes(64)).isEqualTo(40);
        assertThat(DType.Q6_K.bytes(512)).isEqualTo(420);
        assertThat(DType.BF16.bytes(3)).isEqualTo(6);
        assertThatThrownBy(() -> DType.Q4_1.bytes(33)).hasMessageContaining("whole blocks of 32");
        assertThatThrownBy(DType.Q8_0::bytes).hasMessageContaining("Q8_0").hasMessageContaining("F32");
        assertThatThrownBy(() -> DType.F64.bytes(Long.MAX_VALUE / 2)).isInstanceOf(ArithmeticException.class);
    }

    @Test
    void rowsThatAreNotWholeBlocksAreRefused() {
        // 64 weights are two blocks, but each row of 16 is half of one.
        var data = MemorySegment.ofArray(new byte[40]);
        assertThatThrownBy(() -> new HostTensor(DType.Q4_1, Shape.of(4, 16), data))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("[4, 16]");
        assertThatThrownBy(() -> new HostTensor(DType.Q4_1, Shape.of(1, 32), data))
                .hasMessageContaining("20 bytes");
    }

    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K", "NF4"})
    void everyWayToReadGivesTheSameWeights(DType dtype) {
        var tensor = blocks(dtype);
        var floats = tensor.toFloats();
        var random = new SplittableRandom(1);
        for (var i = 0; i < 200; i++) {
            var at = random.nextInt(floats.length);
            assertThat((float) tensor.get(at)).isEqualTo(floats[at]);
        }
        var part = new float[256 + 2];
        tensor.copyFloats(256 * 3, 256, part, 1);
        assertThat(Arrays.copyOfRange(part, 1, 257)).containsExactly(Arrays.copyOfRange(floats, 768, 1024));
        assertThat(part[0] + part[257]).isZero();
        assertThatThrownBy(() -> tensor.copyFloats(8, 256, part, 0)).hasMessageContaining("whole blocks");
        try (var _ = TensorScope.open()) {
            assertThat(Tensors.from(tensor).dtype()).isEqualTo(DType.F32);
            assertThat(Tensors.from(tensor).toFloats()).containsExactly(floats);
            assertThat(Tensors.from(tensor, DType.F64).toFloats()).containsExactly(floats);
            var rounded = Tensors.ofFloats(floats, ROWS, 256).to(DType.BF16);
            assertThat(Tensors.from(tensor, DType.BF16).toFloats()).containsExactly(rounded.toFloats());
        }
    }

    @Test
    void libTorchNeverSeesBlocks() {
        var tensor = blocks(DType.Q4_0);
        assertThatThrownBy(() -> Tensors.view(tensor)).hasMessageContaining("Q4_0");
        try (var _ = TensorScope.open()) {
            assertThatThrownBy(() -> Tensors.zeros(DType.Q4_0, 32)).hasMessageContaining("Q4_0 is read only");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K", "NF4"})
    void theFirstBlockWithADamagedScaleIsFound(DType dtype) {
        var tensor = blocks(dtype);
        assertThat(tensor.firstNonFiniteBlock()).isEqualTo(-1);
        var scale = dtype == DType.Q6_K ? 208 : 0;
        tensor.data().set(HostTensor.SHORT, 5L * dtype.blockBytes() + scale, (short) 0xFC00);
        assertThat(tensor.firstNonFiniteBlock()).isEqualTo(5);
        if (dtype == DType.Q4_1 || dtype == DType.Q5_1 || dtype == DType.Q4_K || dtype == DType.Q5_K) {
            tensor.data().set(HostTensor.SHORT, 2L * dtype.blockBytes() + 2, (short) 0x7E00);
            assertThat(tensor.firstNonFiniteBlock()).isEqualTo(2);
        }
        assertThat(HostTensor.ofFloats(new float[] {Float.NaN}, 1).firstNonFiniteBlock())
                .isEqualTo(-1);
    }

    /// Random bytes; no half is NaN or infinite.
    private static HostTensor blocks(DType dtype) {
        var random = new SplittableRandom(dtype.blockBytes());
        var data = Arena.ofAuto().allocate(dtype.bytes(ROWS * 256L), 2);
        for (var i = 0L; i < data.byteSize(); i++) {
            data.set(ValueLayout.JAVA_BYTE, i, (byte) (random.nextInt(256) & 0xBF));
        }
        return new HostTensor(dtype, Shape.of(ROWS, 256), data);
    }
}
