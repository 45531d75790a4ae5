package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ByteSizeTest {
    @ParameterizedTest
    @CsvSource({
        "300MB, 300000000",
        "1.5GiB, 1610612736",
        "12345, 12345",
        "7k, 7000",
        "4g, 4000000000",
        "2 TB, 2000000000000"
    })
    void unitsAreDecimalUnlessTheySayOtherwise(String text, long bytes) {
        assertThat(ByteSize.parse("--memory", text)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "4x", "-1g", "0", "0.1", "1e9", "GiB", "1.5.2m"})
    void anythingElseIsRefusedWithItsOption(String text) {
        assertThatThrownBy(() -> ByteSize.parse("--memory", text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("--memory is a number of bytes such as 300MB");
    }
}
