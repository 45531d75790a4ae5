package dev.lowrank.evaluate;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;

/// Energy of the processor packages, by the running average power limit counters (RAPL) that Linux shows
/// under `/sys/class/powercap`. They count the whole machine: what else runs is in the figure. Many systems
/// keep them from ordinary users, and virtual machines rarely have them; then there is no figure.
public final class EnergyMeter {
    private static final Path POWERCAP = Path.of("/sys/class/powercap");
    private static final double MICRO = 1e-6;

    private final List<Counter> counters;

    private EnergyMeter(List<Counter> counters) {
        this.counters = counters;
    }

    /// A counter of microjoules that starts again at 0 beyond its range.
    private record Counter(Path folder, long range) {
        long value() throws IOException {
            return number(folder.resolve("energy_uj"));
        }

        static long number(Path file) throws IOException {
            return Long.parseLong(Files.readString(file).strip());
        }
    }

    /// The meter of this machine.
    public static EnergyMeter ofMachine() {
        return of(POWERCAP);
    }

    /// A meter over a folder with one folder for each package, named like `intel-rapl:0`. Counters that
    /// cannot be read are left out.
    static EnergyMeter of(Path powercap) {
        if (!Files.isDirectory(powercap)) {
            return new EnergyMeter(List.of());
        }
        try (var folders = Files.list(powercap)) {
            return new EnergyMeter(folders.filter(
                            folder -> String.valueOf(folder.getFileName()).matches("[a-z-]+:[0-9]+"))
                    .sorted()
                    .flatMap(folder -> readable(folder).stream())
                    .toList());
        } catch (IOException unreadable) {
            return new EnergyMeter(List.of());
        }
    }

    private static List<Counter> readable(Path folder) {
        try {
            var counter = new Counter(folder, Counter.number(folder.resolve("max_energy_range_uj")));
            counter.value();
            return List.of(counter);
        } catch (IOException | NumberFormatException closed) {
            return List.of();
        }
    }

    /// Whether there is anything to read.
    public boolean present() {
        return !counters.isEmpty();
    }

    /// Joules that all packages spend while something runs; empty where no counter can be read. A counter
    /// may start again once on the way, not more often: that takes minutes at full load.
    ///
    /// @param work runs once, whether its energy can be read or not
    public OptionalDouble joules(Runnable work) {
        var before = values();
        work.run();
        var after = values();
        if (before.length == 0 || after.length == 0) {
            return OptionalDouble.empty();
        }
        var sum = 0.0;
        for (var i = 0; i < before.length; i++) {
            var spent = after[i] - before[i];
            sum += MICRO * (spent < 0 ? spent + counters.get(i).range() : spent);
        }
        return OptionalDouble.of(sum);
    }

    /// What the counters show; nothing if one is gone.
    private long[] values() {
        var values = new long[counters.size()];
        try {
            for (var i = 0; i < values.length; i++) {
                values[i] = counters.get(i).value();
            }
            return values;
        } catch (IOException gone) {
            return new long[0];
        }
    }
}
