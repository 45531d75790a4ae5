package dev.lowrank.evaluate;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
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
    private static final Path PROCESSORS = Path.of("/proc/cpuinfo");

    /// This machine, now.
    public static Machine here() {
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return new Machine(
                processorName(),
                Runtime.getRuntime().availableProcessors(),
                system.getTotalMemorySize(),
                Runtime.version().toString(),
                System.getProperty("os.name") + " " + System.getProperty("os.version"),
                Instant.now().truncatedTo(ChronoUnit.SECONDS));
    }

    private static String processorName() {
        try (var lines = Files.lines(PROCESSORS)) {
            return lines.filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse(System.getProperty("os.arch"));
        } catch (IOException _) {
            return System.getProperty("os.arch"); // only Linux has the file
        }
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
