package dev.lowrank.app;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;

/// Runs what light commands run, so that the launcher's AOT cache holds their classes and profiles. Prints
/// nothing.
public final class WarmUp {
    private WarmUp() {}

    /// Runs the light commands once.
    ///
    /// @param arguments none
    public static void main(String[] arguments) {
        var home = Path.of(System.getProperty("lowrank.home", "."));
        for (var command : new String[] {
            "--help", "--version", "inspect", "inspect --json", "plan", "plan --json", "completion bash", "--unknown"
        }) {
            var nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
            var console = new Console(nowhere, nowhere, false, false);
            Main.run(console, new Interruption(console), StandardInput.empty(), home, Map.of(), command.split(" "));
        }
    }
}
