package dev.lowrank.evaluate.sandbox;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Assumptions;

/// Sandboxes for tests: a machine that cannot have one skips them and says why; one that has one that does
/// not hold fails them.
final class Sandboxes {
    private static final AtomicLong MARKS =
            new AtomicLong(60_000_000 + ProcessHandle.current().pid());

    private Sandboxes() {}

    static Sandbox open(SandboxLimits limits) {
        try {
            return Sandbox.open(limits);
        } catch (SandboxUnavailableException unavailable) {
            var message = String.valueOf(unavailable.getMessage());
            var tools = HostTools.ofThisProcess();
            var isMissing = tools.first("bwrap") == null || tools.first("python3") == null;
            var isRefusedByKernel = message.contains("says: bwrap: ")
                    && !message.contains("Unknown option")
                    && !message.contains("find");
            Assumptions.assumeFalse(isMissing || isRefusedByKernel || message.contains("0.8 or newer"), message);
            throw unavailable;
        }
    }

    /// Limits of one second, for what ends long before or is meant to be stopped. The size of a file is a
    /// number of its own for each caller: every process of a sandbox has it on its command line.
    static SandboxLimits quick() {
        return limits(Duration.ofSeconds(1), Duration.ofSeconds(60), MARKS.getAndAdd(100_000));
    }

    /// @param patience real time that a busy machine may take
    /// @param fileBytes size of a file, and the mark of [#processesOf]
    static SandboxLimits limits(Duration time, Duration patience, long fileBytes) {
        var limits = SandboxLimits.standard();
        return new SandboxLimits(
                time,
                patience,
                limits.grace(),
                limits.memoryBytes(),
                limits.tmpBytes(),
                fileBytes,
                limits.processes(),
                limits.outputBytes(),
                limits.parallel());
    }

    /// This machine's processes, zombies left out, that belong to sandboxes with these limits.
    static List<Long> processesOf(SandboxLimits limits) {
        return processesWith(Long.toString(limits.fileBytes()));
    }

    /// This machine's other processes with a text on their command line, which zombies have none of.
    static List<Long> processesWith(String text) {
        return ProcessHandle.allProcesses()
                .map(ProcessHandle::pid)
                .filter(pid ->
                        pid != ProcessHandle.current().pid() && commandLine(pid).contains(text))
                .toList();
    }

    private static String commandLine(long pid) {
        try {
            return Files.readString(Path.of("/proc/" + pid + "/cmdline"), StandardCharsets.ISO_8859_1);
        } catch (IOException gone) {
            return "";
        }
    }
}
