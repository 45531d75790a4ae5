package dev.lowrank.evaluate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.model.Progress;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// What a sandbox leaves when its host ends before it: X14 of the catalogue.
@Tag("sandbox")
class SandboxOrphansTest {
    private static final int PROGRAMS = 3;

    /// A process that runs programs which never end by themselves.
    static final class Host {
        private Host() {}

        public static void main(String[] arguments) {
            var forever = Duration.ofMinutes(10);
            var limits = Sandboxes.limits(forever, forever, Long.parseLong(arguments[0]))
                    .withParallel(PROGRAMS);
            try (var sandbox = Sandbox.open(limits)) {
                System.out.println("runs");
                var program = """
                        import os, signal, time
                        for number in (1, 2, 13, 15):
                            signal.signal(number, signal.SIG_IGN)
                        if os.fork() == 0:
                            os.setsid()
                            os.fork()
                        while True:
                            time.sleep(1)
                        """;
                sandbox.runAll(Collections.nCopies(PROGRAMS, program), Progress.silent());
            }
        }
    }

    @Test
    void x14NothingOutlivesAKilledHost() throws Exception {
        assertNothingOutlives(Process::destroyForcibly);
    }

    @Test
    void x14NothingOutlivesATerminatedHost() throws Exception {
        assertNothingOutlives(Process::destroy);
    }

    private static void assertNothingOutlives(Consumer<Process> end) throws Exception {
        var limits = Sandboxes.quick();
        Sandboxes.open(limits).close();
        var host = start(limits);
        try {
            // Each sandbox: bubblewrap, the supervisor, the program and its two children; and the host.
            await(() -> Sandboxes.processesOf(limits).size() >= 1 + 5 * PROGRAMS, Duration.ofSeconds(30));
            end.accept(host);
            assertThat(host.waitFor(10, TimeUnit.SECONDS)).isTrue();
            await(() -> Sandboxes.processesOf(limits).isEmpty(), Duration.ofSeconds(1));
        } finally {
            host.destroyForcibly();
        }
    }

    private static Process start(SandboxLimits limits) throws IOException {
        var process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Host.class.getName(),
                        Long.toString(limits.fileBytes())))
                .redirectErrorStream(true)
                .start();
        assertThat(process.inputReader(StandardCharsets.UTF_8).readLine()).isEqualTo("runs");
        return process;
    }

    private static void await(BooleanSupplier condition, Duration most) throws InterruptedException {
        var end = System.nanoTime() + most.toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("not within " + most).isLessThan(end);
            Thread.sleep(20);
        }
    }
}
