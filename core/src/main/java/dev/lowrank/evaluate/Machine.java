package dev.lowrank.evaluate;

import com.sun.management.OperatingSystemMXBean;
import dev.lowrank.tensor.Processor;
import java.lang.management.ManagementFactory;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;

/// Where and when figures were measured.
///
/// @param processor its name, or its kind where the system does not tell
/// @param cores that this process may use
/// @param memoryBytes of the machine
/// @param java version of the running JVM
/// @param system kind and release
/// @param time of the measurement
public record Machine(String processor, int cores, long memoryBytes, String java, String system, Instant time) {
    /// This machine, now.
    public static Machine here() {
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return new Machine(
                Processor.here().name(),
                Runtime.getRuntime().availableProcessors(),
                system.getTotalMemorySize(),
                Runtime.version().toString(),
                System.getProperty("os.name") + " " + System.getProperty("os.version"),
                Instant.now().truncatedTo(ChronoUnit.SECONDS));
    }

    /// All of it in one line.
    public String line() {
        return String.format(
                Locale.ROOT,
                "%s, %d cores, %.1f GB, Java %s, %s, %s",
                processor,
                cores,
                memoryBytes / 1e9,
                java,
                system,
                time);
    }
}
