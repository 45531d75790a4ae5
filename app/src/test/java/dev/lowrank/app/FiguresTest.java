package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FiguresTest {
    @ParameterizedTest
    @CsvSource({
        "0,0 B",
        "999,999 B",
        "1000,1.0 kB",
        "999499,999 kB",
        "999500,1.0 MB",
        "10953216,11.0 MB",
        "5368709120,5.4 GB"
    })
    void bytesHaveThreeDigitsAndAUnit(long bytes, String text) {
        assertThat(Figures.bytes(bytes)).isEqualTo(text);
    }

    @ParameterizedTest
    @CsvSource({
        "0.04,0.0 s",
        "9.9,9.9 s",
        "9.96,10 s",
        "59.4,59 s",
        "59.6,1 min 00 s",
        "185,3 min 05 s",
        "7800,2 h 10 min"
    })
    void secondsReadAsPeopleSayThem(double seconds, String text) {
        assertThat(Figures.seconds(seconds)).isEqualTo(text);
    }
}
