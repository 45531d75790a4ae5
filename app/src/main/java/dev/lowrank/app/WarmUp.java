package dev.lowrank.app;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// Runs what commands run, so that the launcher's AOT caches hold their classes and profiles. Prints
/// nothing.
public final class WarmUp {
    private static final List<List<String>> LIGHT = List.of(
            List.of("--help"),
            List.of("--version"),
            List.of("inspect"),
            List.of("inspect", "--json"),
            List.of("plan"),
            List.of("plan", "--json"),
            List.of("completion", "bash"),
            List.of("--unknown"));
    private static final List<String> WRITING = List.of("--prompt", "Once upon a time", "--max-tokens", "64");

    private WarmUp() {}

    /// Runs the commands of a cache once.
    ///
    /// @param arguments `light` for the commands that read headers only; `heavy` for those that write text
    ///     with the pocket model
    public static void main(String[] arguments) {
        switch (arguments[0]) {
            case "light" -> LIGHT.forEach(WarmUp::run);
            case "heavy" -> heavy();
            default -> throw new IllegalArgumentException("light or heavy, not " + arguments[0]);
        }
    }

    private static void heavy() {
        try {
            var file = Files.createTempFile("lowrank", ".gguf");
            Files.delete(file);
            run(List.of("export", "--gguf", file.toString(), "--type", "q4_0"));
            run(writing("generate"));
            run(writing("generate", file.toString()));
            Files.deleteIfExists(file);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private static List<String> writing(String... command) {
        return Stream.concat(Arrays.stream(command), WRITING.stream()).toList();
    }

    private static void run(List<String> command) {
        var home = Path.of(System.getProperty("lowrank.home", "."));
        var nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
        var console = new Console(nowhere, nowhere, false, false);
        Main.run(
                console,
                new Interruption(console),
                StandardInput.empty(),
                home,
                Map.of(),
                command.toArray(String[]::new));
    }
}
