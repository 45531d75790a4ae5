package dev.lowrank.evaluate.sandbox;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Comparator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// How much processor time the processes of a sandbox used, and how long its candidate waited for a
/// processor that others had; from `/proc`, in seconds.
///
/// @param used by all processes, those that have ended included
/// @param waited by the candidate's first thread, runnable but not running; 0 where the kernel does not
///     say, NaN
///     when there is no candidate any more
record ProcessTimes(double used, double waited) {
    /// Unit of the times in `/proc/PID/stat`: fixed at 1/100 s in what the kernel tells programs.
    private static final double TICK = 0.01;

    private static final int FIRST_TIME_FIELD = 11; // counted after the name, which may hold blanks
    private static final int TIME_FIELDS = 4;

    /// bubblewrap, then the supervisor, then the candidate.
    private static final int CANDIDATE_DEPTH = 2;

    private static final Comparator<ProcessHandle> OLDEST_FIRST = Comparator.<ProcessHandle, Instant>comparing(
                    process -> process.info().startInstant().orElse(Instant.MAX))
            .thenComparingLong(ProcessHandle::pid);

    /// Whether the candidate was still there; if not, its verdict is on its way.
    boolean isCandidateThere() {
        return !Double.isNaN(waited);
    }

    static ProcessTimes of(ProcessHandle outermost) {
        try (var inner = outermost.descendants()) {
            var used = Stream.concat(Stream.of(outermost), inner)
                    .mapToDouble(process -> used(process.pid()))
                    .sum();
            var candidate = candidate(outermost);
            return new ProcessTimes(used, candidate == null ? Double.NaN : waited(candidate.pid()));
        }
    }

    private static @Nullable ProcessHandle candidate(ProcessHandle outermost) {
        var process = outermost;
        for (var depth = 0; depth < CANDIDATE_DEPTH; depth++) {
            try (var children = process.children()) {
                // Orphans come to the supervisor, but later than the candidate.
                var oldest = children.min(OLDEST_FIRST);
                if (oldest.isEmpty()) {
                    return null;
                }
                process = oldest.get();
            }
        }
        return process;
    }

    /// User and system time of a process and of those of its children that it has waited for.
    private static double used(long pid) {
        var stat = read("/proc/" + pid + "/stat");
        var fields = stat.substring(stat.lastIndexOf(')') + 1).strip().split(" ", -1);
        var ticks = 0L;
        for (var i = FIRST_TIME_FIELD; i < Math.min(FIRST_TIME_FIELD + TIME_FIELDS, fields.length); i++) {
            ticks += Long.parseLong(fields[i]);
        }
        return ticks * TICK;
    }

    private static double waited(long pid) {
        var fields = read("/proc/" + pid + "/schedstat").strip().split(" ", -1);
        if (fields.length < 2) {
            return Files.exists(Path.of("/proc/" + pid)) ? 0 : Double.NaN;
        }
        return Long.parseLong(fields[1]) / 1e9;
    }

    /// A process may end at any moment; it then has no times.
    private static String read(String file) {
        try {
            return Files.readString(Path.of(file));
        } catch (IOException gone) {
            return "";
        }
    }
}
