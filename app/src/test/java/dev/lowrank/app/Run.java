package dev.lowrank.app;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;

/// A command run in this process.
///
/// @param code exit code
/// @param out standard output
/// @param err standard error
record Run(int code, String out, String err) {
    /// The project's own folder.
    static final Path ROOT = Path.of(System.getProperty("lowrank.root", ".."));

    static Run of(String... arguments) {
        return with(ROOT, Map.of(), arguments);
    }

    static Run with(Path home, Map<String, String> environment, String... arguments) {
        return run("", home, environment, arguments);
    }

    /// @param typed what standard input holds
    static Run typing(String typed, String... arguments) {
        return run(typed, ROOT, Map.of(), arguments);
    }

    private static Run run(String typed, Path home, Map<String, String> environment, String... arguments) {
        var out = new ByteArrayOutputStream();
        var err = new ByteArrayOutputStream();
        var console = new Console(
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                false,
                false);
        var input = new StandardInput(new ByteArrayInputStream(typed.getBytes(StandardCharsets.UTF_8)), () -> false);
        var code = Main.run(console, new Interruption(console), input, home, environment, arguments);
        return new Run(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }
}
