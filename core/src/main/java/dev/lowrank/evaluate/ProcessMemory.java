package dev.lowrank.evaluate;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/// How much memory this process uses and has used at most, heap and native together.
public final class ProcessMemory {
    private static final Path STATUS = Path.of("/proc/self/status");

    private ProcessMemory() {}

    /// Peak resident bytes as the kernel counts them; where it does not tell, the heap's peak alone.
    public static long peakBytes() {
        return bytes("VmHWM:").orElseGet(ProcessMemory::peakHeapBytes);
    }

    /// Resident bytes now, heap, native memory and mapped files that were read; where the kernel does not
    /// tell, the heap's alone.
    public static long residentBytes() {
        return bytes("VmRSS:")
                .orElseGet(() ->
                        ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
    }

    private static OptionalLong bytes(String field) {
        if (!Files.isReadable(STATUS)) {
            return OptionalLong.empty();
        }
        try (var lines = Files.lines(STATUS)) {
            return lines.filter(line -> line.startsWith(field))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024)
                    .findFirst();
        } catch (IOException unreadable) {
            return OptionalLong.empty();
        }
    }

    /// Peak bytes of the Java heap and of the virtual machine's own pools; what is left of [#peakBytes] is
    /// native: LibTorch, mapped weights, key-value caches.
    public static long peakHeapBytes() {
        return ManagementFactory.getMemoryPoolMXBeans().stream()
                .mapToLong(pool -> pool.getPeakUsage().getUsed())
                .sum();
    }
}
