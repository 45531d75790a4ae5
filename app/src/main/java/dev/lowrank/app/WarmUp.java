package dev.lowrank.app;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
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
    /// The pocket model is no chat model; a template as many have it.
    private static final String TEMPLATE = """
            {%- for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' }}
            {%- if loop.first and messages[0]['role'] != 'system' %} {% endif %}{% endfor %}
            {%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
            """;

    private WarmUp() {}

    /// Runs the commands of a cache once.
    ///
    /// @param arguments `light` for the commands that read headers only; `heavy` for those that write text
    ///     with the pocket model
    public static void main(String[] arguments) {
        run(arguments[0], Path.of(System.getProperty("lowrank.home", ".")));
    }

    /// @param home folder of the project
    static void run(String cache, Path home) {
        switch (cache) {
            case "light" -> LIGHT.forEach(command -> run(command, home));
            case "heavy" -> heavy(home);
            default -> throw new IllegalArgumentException("light or heavy, not " + cache);
        }
    }

    private static void heavy(Path home) {
        try (var folder = WorkFolder.forOutput(null)) {
            var model = chatModel(home, folder.path().resolve("model")).toString();
            var file = folder.path().resolve("model.gguf").toString();
            run(List.of("export", model, "--gguf", file, "--type", "q4_0"), home);
            run(writing("generate", model), home);
            run(writing("generate", file), home);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /// The pocket model with a chat template.
    private static Path chatModel(Path home, Path folder) throws IOException {
        Files.createDirectory(folder);
        try (var files = Files.list(home.resolve("models/pocket"))) {
            for (var file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, folder.resolve(String.valueOf(file.getFileName())));
            }
        }
        Files.writeString(folder.resolve("chat_template.jinja"), TEMPLATE);
        return folder;
    }

    private static List<String> writing(String... command) {
        return Stream.concat(Arrays.stream(command), WRITING.stream()).toList();
    }

    /// @throws IllegalStateException if the command does not end as it should: a cache without what it needs would go
    /// unnoticed
    private static void run(List<String> command, Path home) {
        var said = new ByteArrayOutputStream();
        var stream = new PrintStream(said, false, StandardCharsets.UTF_8);
        var console = new Console(stream, stream, false, false);
        var code = Main.run(
                console,
                new Interruption(console),
                StandardInput.empty(),
                home,
                Map.of(),
                command.toArray(String[]::new));
        var expected = command.contains("--unknown") ? ExitCode.USAGE : ExitCode.OK;
        if (code != expected.number()) {
            console.flush();
            throw new IllegalStateException(
                    command + " ended with " + code + ": " + said.toString(StandardCharsets.UTF_8));
        }
    }
}
