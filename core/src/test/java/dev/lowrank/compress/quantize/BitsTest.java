package dev.lowrank.compress.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.tensor.DType;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Types to choose from, as they are written and read.
class BitsTest {
    @Test
    void autoIsFourTypesAndNone() {
        var bits = Bits.of(List.of("auto"), false);
        assertThat(bits.types()).containsExactly(DType.Q4_0, DType.Q4_K, DType.Q6_K, DType.Q8_0);
        assertThat(bits.unrounded()).isTrue();
        assertThat(bits.id()).isEqualTo("auto");
    }

    @Test
    void namesAreReadInAnyOrderAndWrittenFromCoarseToFine() {
        var bits = Bits.of(List.of("plain", "q8_0", "nf4"), true);
        assertThat(bits.types()).containsExactly(DType.NF4, DType.Q8_0);
        assertThat(bits.id()).isEqualTo("nf4,q8_0,plain");
        assertThat(Bits.of(List.of(bits.id().split(",")), true)).isEqualTo(bits);
        assertThat(bits.of(DType.NF4)).isEqualTo(new Quantization(DType.NF4, true));
    }

    @Test
    void oneTypeIsNoChoice() {
        assertThatThrownBy(() -> Bits.of(List.of("q4_0", "q4_0"), false)).hasMessageContaining("--quantize");
        assertThatThrownBy(() -> Bits.of(List.of("plain", "plain"), false))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Bits.of(List.of("auto", "q4_0"), false)).hasMessageContaining("q4_k");
        assertThatThrownBy(() -> new Bits(List.of(DType.BF16, DType.Q8_0), true, false))
                .hasMessageContaining("BF16");
    }
}
