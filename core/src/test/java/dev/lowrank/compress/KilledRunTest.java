package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.checkpoint.FolderVerification;
import dev.lowrank.testing.SyntheticLlama;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Kills compressions at random moments and lets them go on.
@Tag("slow")
class KilledRunTest {
    private static final int KILLS = 20;
    private static final long SEED = 41;
    private static final long MOST_SECONDS = 300;

    @TempDir
    Path root;

    private Path source;

    @Test
    void aRunKilledAnywhereEndsInTheSameBytes() throws Exception {
        source = root.resolve("source");
        SyntheticLlama.write(source, SyntheticLlama.Size.TINY, SEED);
        var whole = Files.createDirectory(root.resolve("whole")).resolve("model");
        var seconds = finish(whole);
        var expected = hashes(whole);
        assertThat(expected).containsKeys("config.json", "lowrank.json", "model.safetensors", "README.md");

        var random = new SplittableRandom(SEED);
        var blocksAtKill = new ArrayList<Integer>();
        var runs = 0;
        var longest = seconds;
        while (blocksAtKill.size() < KILLS) {
            var output = Files.createDirectory(root.resolve("run-" + runs++)).resolve("model");
            while (blocksAtKill.size() < KILLS && !Files.exists(output)) {
                var moment = random.nextDouble(longest);
                if (killed(output, moment)) {
                    blocksAtKill.add(finishedBlocks(output));
                } else {
                    // The machine has become quicker; later moments would mostly miss the run.
                    longest = moment;
                }
            }
            if (!Files.exists(output)) {
                finish(output);
            }
            assertThat(hashes(output)).isEqualTo(expected);
            assertThat(FolderVerification.verify(output).status()).isEqualTo(FolderVerification.Status.INTACT);
        }
        System.out.printf(
                "%d kills in %d runs of %.1f s; finished blocks at each kill: %s%n",
                KILLS, runs, seconds, blocksAtKill);
        assertThat(blocksAtKill)
                .as("kills after the first and before the last block")
                .anyMatch(blocks -> blocks > 0 && blocks < SyntheticLlama.Size.TINY.layers());
    }

    /// Starts a run and waits until it works.
    private Process start(Path output) throws IOException {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(argument -> !argument.startsWith("-javaagent"))
                .forEach(command::add);
        command.addAll(List.of(
                "-cp",
                System.getProperty("java.class.path"),
                CompressOnce.class.getName(),
                source.toString(),
                output.toString()));
        var process = new ProcessBuilder(command)
                .redirectError(root.resolve("errors.txt").toFile())
                .start();
        var line = process.inputReader(StandardCharsets.UTF_8).readLine();
        assertThat(line).as(() -> errors()).isEqualTo(CompressOnce.BEGINS);
        return process;
    }

    private String errors() {
        try {
            return Files.readString(root.resolve("errors.txt"));
        } catch (IOException failure) {
            return failure.toString();
        }
    }

    /// Runs to the end.
    ///
    /// @return seconds that the work took
    private double finish(Path output) throws Exception {
        var process = start(output);
        var begin = System.nanoTime();
        try {
            assertThat(process.waitFor(MOST_SECONDS, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).as(() -> errors()).isZero();
            return (System.nanoTime() - begin) * 1e-9;
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    /// Kills a run that many seconds after its work began.
    ///
    /// @return whether it was still working then
    private boolean killed(Path output, double seconds) throws Exception {
        var process = start(output);
        try {
            var ended = process.waitFor((long) (seconds * 1e9), TimeUnit.NANOSECONDS);
            if (ended) {
                assertThat(process.exitValue()).as(() -> errors()).isZero();
            }
            return !ended;
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    private static int finishedBlocks(Path output) throws IOException {
        var work = output.resolveSibling(output.getFileName() + ".partial").resolve(".work");
        if (!Files.isDirectory(work)) {
            return 0;
        }
        try (var files = Files.list(work)) {
            return (int) files.map(file -> String.valueOf(file.getFileName()))
                    .filter(name -> name.matches("block-\\d+\\.json"))
                    .count();
        }
    }

    /// SHA-256 of every file but the lock, which a kill in the last moment may leave behind.
    private static TreeMap<String, String> hashes(Path folder) throws IOException, NoSuchAlgorithmException {
        var hashes = new TreeMap<String, String>();
        try (var files = Files.walk(folder)) {
            for (var file : files.filter(Files::isRegularFile).toList()) {
                var name = folder.relativize(file).toString();
                if (!name.equals(".lowrank.lock")) {
                    var digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file));
                    hashes.put(name, HexFormat.of().formatHex(digest));
                }
            }
        }
        return hashes;
    }
}
