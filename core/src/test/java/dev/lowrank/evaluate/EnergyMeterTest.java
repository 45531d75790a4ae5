package dev.lowrank.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EnergyMeterTest {
    @TempDir
    private Path powercap;

    private Path counter(String name, long range, long value) throws IOException {
        var folder = Files.createDirectory(powercap.resolve(name));
        Files.writeString(folder.resolve("max_energy_range_uj"), range + "\n");
        return Files.writeString(folder.resolve("energy_uj"), value + "\n");
    }

    private static void set(Path counter, long value) {
        try {
            Files.writeString(counter, value + "\n");
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    @Test
    void packagesAreSummedAndACounterMayStartAgain() throws IOException {
        var one = counter("intel-rapl:0", 1_000_000, 200_000);
        var other = counter("intel-rapl:1", 1_000_000, 900_000);
        counter("intel-rapl:0:0", 1_000_000, 5); // a part of the first package
        var meter = EnergyMeter.of(powercap);
        assertThat(meter.present()).isTrue();
        var joules = meter.joules(() -> {
            set(one, 500_000);
            set(other, 100_000);
        });
        assertThat(joules).hasValueCloseTo(0.3 + 0.2, within(1e-12));
    }

    @Test
    void withoutCountersTheWorkStillRuns() {
        var runs = new AtomicInteger();
        var meter = EnergyMeter.of(powercap.resolve("absent"));
        assertThat(meter.present()).isFalse();
        assertThat(meter.joules(runs::incrementAndGet)).isEmpty();
        assertThat(runs).hasValue(1);
    }

    @Test
    void aCounterThatGoesAwayTellsNothingAndTheWorkRunsOnce() throws IOException {
        var gone = counter("intel-rapl:0", 1_000_000, 1);
        var meter = EnergyMeter.of(powercap);
        Files.delete(gone);
        var runs = new AtomicInteger();
        assertThat(meter.joules(runs::incrementAndGet)).isEmpty();
        assertThat(runs).hasValue(1);
    }
}
