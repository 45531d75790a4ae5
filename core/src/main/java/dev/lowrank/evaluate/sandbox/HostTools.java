package dev.lowrank.evaluate.sandbox;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// Programs of this machine that a sandbox is made with, and the user it is made as.
///
/// @param path folders that are searched, in order
record HostTools(List<Path> path) {
    private static final long ANSWER_SECONDS = 20;
    private static final int MOST_BYTES = 64 << 10;

    /// User and group that a sandbox runs as when the tool runs as root: `nobody`, who owns nothing. Limits
    /// on processes do not hold for root, not even for a root that is somebody else inside.
    private static final String NOBODY = "65534";

    /// What a short command said and how it ended.
    ///
    /// @param status exit status, −1 when it did not end in time
    /// @param text standard output and error together, at most 64 KiB
    record Answer(int status, String text) {}

    /// The folders of `PATH`, and those where distributions put what is needed.
    static HostTools ofThisProcess() {
        var folders = new ArrayList<Path>();
        var path = System.getenv("PATH");
        for (var name : path == null ? new String[0] : path.split(":", -1)) {
            if (name.startsWith("/")) {
                folders.add(Path.of(name));
            }
        }
        for (var usual : new String[] {"/usr/bin", "/usr/local/bin", "/bin"}) {
            if (!folders.contains(Path.of(usual))) {
                folders.add(Path.of(usual));
            }
        }
        return new HostTools(List.copyOf(folders));
    }

    /// Every program of this name, first found first.
    List<Path> all(String name) {
        return path.stream()
                .map(folder -> folder.resolve(name))
                .filter(Files::isExecutable)
                .toList();
    }

    /// @return the first program of this name, null when there is none
    @Nullable
    Path first(String name) {
        return all(name).stream().findFirst().orElse(null);
    }

    /// What stands before a command so that it runs as an ordinary user: nothing when the tool does so
    /// itself.
    ///
    /// @throws SandboxUnavailableException when the tool runs as root and cannot become anybody else
    List<String> asOrdinaryUser() {
        if (!isRoot()) {
            return List.of();
        }
        var setpriv = first("setpriv");
        if (setpriv == null) {
            throw new SandboxUnavailableException(
                    "The sandbox for generated code is not run as root, and setpriv, which"
                            + " gives root up, was not found. Install it (apt install util-linux) or run as another user");
        }
        return List.of(setpriv.toString(), "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--");
    }

    static boolean isRoot() {
        try {
            return Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
        } catch (IOException | UnsupportedOperationException unknown) {
            throw new SandboxUnavailableException(
                    "The sandbox for generated code could not tell which user it runs as: /proc is not readable",
                    unknown);
        }
    }

    /// Runs a short command with an empty environment and waits for it.
    static Answer ask(List<String> command) {
        var builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .directory(Path.of("/").toFile());
        builder.environment().clear();
        try {
            var process = builder.start();
            process.getOutputStream().close();
            var text = new CompletableFuture<String>();
            Thread.ofVirtual().start(() -> text.complete(read(process.getInputStream())));
            if (!process.waitFor(ANSWER_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                return new Answer(-1, "no answer in " + ANSWER_SECONDS + " s");
            }
            return new Answer(process.exitValue(), text.join().strip());
        } catch (IOException failure) {
            return new Answer(-1, String.valueOf(failure.getMessage()));
        } catch (InterruptedException interruption) {
            Thread.currentThread().interrupt();
            throw new SandboxUnavailableException("Interrupted while looking for a sandbox", interruption);
        }
    }

    private static String read(InputStream in) {
        try {
            return new String(in.readNBytes(MOST_BYTES), StandardCharsets.UTF_8);
        } catch (IOException broken) {
            return "";
        }
    }
}
