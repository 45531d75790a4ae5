package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Stops processes while LibTorch computes on several threads.
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "there are no signals to stop a process with")
class InterruptionTest {
    private static final int STOPS = Integer.getInteger("lowrank.stops", 3);
    private static final int TERMINATED = 128 + 15;

    @TempDir
    Path folder;

    @Test
    void resumableWorkEndsWithNineAndSaysHowToGoOn() throws Exception {
        for (var i = 0; i < STOPS; i++) {
            var run = stop(i, "resumable");
            assertThat(run.code()).as(run.err()).isEqualTo(ExitCode.INTERRUPTED.number());
            assertThat(run.err()).contains("Interrupted. Go on.");
        }
        assertNoCrash();
    }

    @Test
    void otherWorkEndsWithTheCodeOfTheSignal() throws Exception {
        for (var i = 0; i < STOPS; i++) {
            assertThat(stop(i, "other").code()).isEqualTo(TERMINATED);
        }
        assertNoCrash();
    }

    /// A crash of the JVM leaves its report, whole or empty, or a dump.
    private void assertNoCrash() throws IOException {
        try (var files = Files.list(folder)) {
            assertThat(files).extracting(Path::getFileName).containsExactly(Path.of("err"));
        }
    }

    /// Stops a busy process at another moment each time.
    private Run stop(int moment, String argument) throws Exception {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(option -> !option.startsWith("-javaagent"))
                .forEach(command::add);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), BusyProcess.class.getName(), argument));
        var err = folder.resolve("err");
        var process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectError(err.toFile())
                .start();
        try (var lines = process.inputReader(StandardCharsets.UTF_8)) {
            assertThat(lines.readLine()).as(() -> read(err)).isEqualTo(BusyProcess.BUSY);
            Thread.sleep(20 + 37L * moment % 100);
            process.destroy();
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        } finally {
            process.destroyForcibly().waitFor();
        }
        return new Run(process.exitValue(), "", read(err));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException failure) {
            return failure.toString();
        }
    }
}
