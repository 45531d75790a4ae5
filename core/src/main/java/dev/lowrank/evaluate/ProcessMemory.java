package dev.lowrank.evaluate;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/// How much memory this process has used at most, heap and native together.
public final class ProcessMemory {
    private static final Path STATUS = Path.of("/proc/self/status");

    private ProcessMemory() {}

    /// Peak resident bytes as the kernel counts them; where it does not tell, the heap's peak alone.
    public static long peakBytes() {
        try {
            if (Files.isReadable(STATUS)) {
                for (var line : Files.readAllLines(STATUS)) {
                    if (line.startsWith("VmHWM:")) {
                        return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
                    }
                }
            }
        } catch (IOException unreadable) {
            return peakHeapBytes();
        }
        return peakHeapBytes();
    }

    /// Peak bytes of the Java heap and of the virtual machine's own pools; what is left of [#peakBytes] is
    /// native: LibTorch, mapped weights, key-value caches.
    public static long peakHeapBytes() {
        return ManagementFactory.getMemoryPoolMXBeans().stream()
                .mapToLong(pool -> pool.getPeakUsage().getUsed())
                .sum();
    }
}
