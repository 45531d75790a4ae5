package dev.lowrank.evaluate;

import com.sun.management.OperatingSystemMXBean;
import dev.lowrank.model.kernel.WorkerTeam;
import dev.lowrank.tensor.LargeMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/// How fast this machine's memory is read when nothing else is done: the limit of decoding, which reads all
/// weights for each token. All threads sum a stretch that is larger than the processor's caches, from end
/// to end, several times; the fastest pass counts.
public final class ReadBandwidth {
    private static final Path CACHES = Path.of("/sys/devices/system/cpu/cpu0/cache");
    private static final long LEAST = 256L << 20;
    private static final long MOST = 1L << 30;
    private static final int PASSES = 8;
    private static final int CHUNK = 8 << 20;
    private static final int STREAM = CHUNK / 4;

    private ReadBandwidth() {}

    /// Measures it. Takes about a second, and for that time up to 1 GiB of memory.
    ///
    /// @param threads that read, at least 1
    /// @return bytes a second
    public static double measure(int threads) {
        return measure(threads, size(largestCache(), memory()));
    }

    /// The same over a stretch of a given size.
    ///
    /// @param bytes at least a chunk of 8 MiB
    static double measure(int threads, long bytes) {
        try (var arena = Arena.ofShared();
                var team = WorkerTeam.of(threads)) {
            var memory = new LargeMemory(arena).allocate(bytes, 0);
            memory.fill((byte) 1); // what was never written all lies in one page
            var pass = new Pass(memory);
            var best = Double.POSITIVE_INFINITY;
            for (var i = 0; i < PASSES; i++) {
                var start = System.nanoTime();
                team.run(pass, pass.sums.length);
                best = Math.min(best, (System.nanoTime() - start) / 1e9);
                pass.check();
            }
            return (double) CHUNK * pass.sums.length / best;
        }
    }

    /// Twice the largest cache, between 256 MiB and 1 GiB, but not more than an eighth of the memory.
    static long size(long cache, long memory) {
        var wanted = Math.clamp(2 * cache, LEAST, MOST);
        return Math.max(CHUNK, Math.min(wanted, memory / 8)) / CHUNK * CHUNK;
    }

    private static long memory() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
    }

    /// Bytes of the largest cache as Linux tells; 0 where it does not.
    private static long largestCache() {
        if (!Files.isDirectory(CACHES)) {
            return 0;
        }
        try (var files = Files.walk(CACHES, 2)) {
            return files.filter(file -> file.endsWith("size"))
                    .mapToLong(ReadBandwidth::cacheBytes)
                    .max()
                    .orElse(0);
        } catch (IOException unreadable) {
            return 0;
        }
    }

    private static long cacheBytes(Path file) {
        try {
            var text = Files.readString(file).strip().toUpperCase(Locale.ROOT);
            var unit = text.endsWith("K") ? 1L << 10 : text.endsWith("M") ? 1L << 20 : 1L;
            return unit * Long.parseLong(text.replaceAll("[^0-9]", ""));
        } catch (IOException | NumberFormatException unreadable) {
            return 0;
        }
    }

    /// Sums of all chunks, kept so that no compiler leaves the reading out.
    private static final class Pass implements WorkerTeam.Task {
        private static final long ONES = 0x0101010101010101L;

        private final MemorySegment memory;
        private final long[] sums;

        Pass(MemorySegment memory) {
            this.memory = memory;
            this.sums = new long[(int) (memory.byteSize() / CHUNK)];
        }

        @Override
        public void run(int chunk, int worker) {
            var stretch = memory.asSlice((long) chunk * CHUNK, CHUNK);
            var a = 0L;
            var b = 0L;
            var c = 0L;
            var d = 0L;
            // Four streams, so that more than one line is on its way.
            for (var i = 0; i < STREAM; i += Long.BYTES) {
                a += stretch.get(ValueLayout.JAVA_LONG, i);
                b += stretch.get(ValueLayout.JAVA_LONG, i + STREAM);
                c += stretch.get(ValueLayout.JAVA_LONG, i + 2 * STREAM);
                d += stretch.get(ValueLayout.JAVA_LONG, i + 3 * STREAM);
            }
            sums[chunk] = a + b + c + d;
        }

        void check() {
            var words = CHUNK / Long.BYTES;
            for (var sum : sums) {
                if (sum != ONES * words) { // both wrap around
                    throw new IllegalStateException("A chunk of memory summed to " + sum);
                }
            }
        }
    }
}
