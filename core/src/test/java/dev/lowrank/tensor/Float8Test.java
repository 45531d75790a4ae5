package dev.lowrank.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Float8Test {
    @ParameterizedTest
    @CsvSource({
        "0x00, 0",
        "0x01, 0.001953125",
        "0x07, 0.013671875",
        "0x08, 0.015625",
        "0x38, 1",
        "0x39, 1.125",
        "0x40, 2",
        "0x7E, 448",
        "0xB8, -1",
        "0xFE, -448"
    })
    void e4m3MatchesTheFormat(String bits, float value) {
        assertThat(Float8.e4m3((byte) (int) Integer.decode(bits))).isEqualTo(value);
    }

    @ParameterizedTest
    @CsvSource({
        "0x00, 0",
        "0x01, 0.0000152587890625",
        "0x04, 0.00006103515625",
        "0x3C, 1",
        "0x3D, 1.25",
        "0x40, 2",
        "0x7B, 57344",
        "0xBC, -1",
        "0x7C, Infinity",
        "0xFC, -Infinity"
    })
    void e5m2MatchesTheFormat(String bits, float value) {
        assertThat(Float8.e5m2((byte) (int) Integer.decode(bits))).isEqualTo(value);
    }

    @Test
    void onlyTheDocumentedCodesAreNaN() {
        for (var i = 0; i < 256; i++) {
            assertThat(Float.isNaN(Float8.e4m3((byte) i))).as("e4m3 %x", i).isEqualTo((i & 0x7F) == 0x7F);
            assertThat(Float.isNaN(Float8.e5m2((byte) i))).as("e5m2 %x", i).isEqualTo((i & 0x7F) > 0x7C);
        }
    }

    @Test
    void positiveCodesRiseStrictlyAndSignsMirror() {
        for (var i = 1; i < 0x7F; i++) {
            assertThat(Float8.e4m3((byte) i)).isGreaterThan(Float8.e4m3((byte) (i - 1)));
            assertThat(Float8.e4m3((byte) (i | 0x80))).isEqualTo(-Float8.e4m3((byte) i));
        }
        for (var i = 1; i <= 0x7C; i++) {
            assertThat(Float8.e5m2((byte) i)).isGreaterThan(Float8.e5m2((byte) (i - 1)));
            assertThat(Float8.e5m2((byte) (i | 0x80))).isEqualTo(-Float8.e5m2((byte) i));
        }
    }
}
