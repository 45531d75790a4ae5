package dev.lowrank.evaluate;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ReadBandwidthTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5})
    void allThreadsReadAllOfIt(int threads) {
        // Fails where a pass does not sum what was written.
        assertThat(ReadBandwidth.measure(threads, 24L << 20)).isPositive().isFinite();
    }

    @ParameterizedTest
    @CsvSource({
        "32, 16000, 256",
        "300, 16000, 600",
        "480, 25000, 960",
        "2000, 64000, 1024",
        "480, 2048, 256",
        "0, 16, 8"
    })
    void theStretchIsLargerThanTheCachesAndSmallBesideTheMemory(long cache, long memory, long expected) {
        assertThat(ReadBandwidth.size(cache << 20, memory << 20)).isEqualTo(expected << 20);
    }

    @Test
    void theMachineSaysWhereFiguresAreFrom() {
        var machine = Machine.here();
        assertThat(machine.cores()).isPositive();
        assertThat(machine.line()).contains(machine.processor()).contains("Java " + Runtime.version());
    }

    @Test
    void residentMemoryIsNoMoreThanItsPeak() {
        var resident = ProcessMemory.residentBytes();
        assertThat(resident).isPositive();
        assertThat(ProcessMemory.peakBytes()).isGreaterThanOrEqualTo(resident);
    }
}
