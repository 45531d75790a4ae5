package dev.lowrank.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/// A Python with packages that judge us: named by `LOWRANK_PYTHON`, or found in `.venv-reference` or on the
/// path.
///
/// @param program what to run
/// @param folder for its output and caches; nothing of a test stays in the user's
public record PythonPeer(String program, Path folder) {
    private static final long MOST_SECONDS = 600;

    /// What a run left.
    ///
    /// @param code exit code
    public record Done(int code, String output, String errors) {}

    /// Finds one; without one the test is skipped and says so.
    ///
    /// @param modules what it must import
    public static PythonPeer with(Path folder, String... modules) throws InterruptedException {
        var named = System.getenv("LOWRANK_PYTHON");
        var local = root().resolve(".venv-reference/bin/python");
        var candidates = new ArrayList<String>();
        if (named != null) {
            candidates.add(named);
        } else {
            if (Files.isExecutable(local)) {
                candidates.add(local.toString());
            }
            candidates.add("python3");
        }
        for (var candidate : candidates) {
            var peer = new PythonPeer(candidate, folder);
            try {
                if (peer.run("-c", "import " + String.join(", ", modules)).code() == 0) {
                    return peer;
                }
            } catch (IOException absent) {
                // No such program; if no candidate is left, the test says so and is skipped.
            }
        }
        Assumptions.abort("No Python with " + String.join(", ", modules) + " among " + candidates
                + "; name one with the environment variable LOWRANK_PYTHON");
        throw new AssertionError();
    }

    /// The path of a script beside the tests.
    public static String script(String name) {
        return root().resolve("core/src/test/python").resolve(name).toString();
    }

    private static Path root() {
        return Path.of(System.getProperty("lowrank.root", ".")).toAbsolutePath();
    }

    /// Runs it to its end.
    public Done run(String... arguments) throws IOException, InterruptedException {
        var command = new ArrayList<>(List.of(program));
        command.addAll(List.of(arguments));
        var output = folder.resolve("output.txt");
        var errors = folder.resolve("errors.txt");
        var builder =
                new ProcessBuilder(command).redirectOutput(output.toFile()).redirectError(errors.toFile());
        builder.environment().put("HF_HUB_OFFLINE", "1");
        builder.environment().put("HF_HOME", folder.resolve("hub").toString());
        builder.environment().put("HF_MODULES_CACHE", folder.resolve("modules").toString());
        var process = builder.start();
        try {
            assertThat(process.waitFor(MOST_SECONDS, TimeUnit.SECONDS))
                    .as(command + " ended in time")
                    .isTrue();
            return new Done(process.exitValue(), Files.readString(output), Files.readString(errors));
        } finally {
            process.destroyForcibly().waitFor();
        }
    }
}
