package dev.lowrank.app.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Runs one of the small Python programs that lie beside this class: it reads its task as JSON from
/// standard input and writes a line of JSON for each figure.
///
/// @param python the interpreter
/// @param resource file name of the program
/// @param needs packages that it imports, for messages
record PeerScript(String python, String resource, String needs) {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    /// What figures begin with; native libraries print other lines.
    private static final String MARK = "lowrank-peer ";

    private static final int SHOWN_LINES = 6;

    /// Runs the program to its end.
    ///
    /// @param input what it reads
    /// @param environment added to this process's; an empty value removes one
    /// @param work folder for what it writes to standard error
    /// @return one document a figure, at least one
    /// @throws PeerException if it cannot be started, fails, or says nothing
    List<JsonNode> run(Map<String, Object> input, Map<String, String> environment, Path work)
            throws InterruptedException {
        var errors = work.resolve(resource + ".errors.txt");
        var builder = new ProcessBuilder(python, "-c", program()).redirectError(errors.toFile());
        change(builder, environment);
        var process = start(builder);
        try {
            var figures = talk(process, JSON.writeValueAsString(input));
            var status = process.waitFor();
            if (status != 0 || figures.isEmpty()) {
                throw new PeerException(python + " measured nothing (exit code " + status
                        + "); name a Python that has " + needs
                        + " with --peer NAME=PYTHON or LOWRANK_PYTHON. It ended with:\n" + end(errors));
            }
            return figures;
        } finally {
            process.destroyForcibly();
        }
    }

    /// Adds to a process's environment what has a value and removes what has none.
    static void change(ProcessBuilder builder, Map<String, String> environment) {
        environment.forEach((name, value) -> {
            if (value.isEmpty()) {
                builder.environment().remove(name);
            } else {
                builder.environment().put(name, value);
            }
        });
    }

    private Process start(ProcessBuilder builder) {
        try {
            return builder.start();
        } catch (IOException missing) {
            throw new PeerException(
                    python + " cannot be started: " + missing.getMessage() + ". Name a Python that has " + needs
                            + " with --peer NAME=PYTHON or LOWRANK_PYTHON.",
                    missing);
        }
    }

    private static List<JsonNode> talk(Process process, String input) {
        try (var writer = process.outputWriter(StandardCharsets.UTF_8)) {
            writer.write(input);
        } catch (IOException _) {
            // It ended before it read its task; its exit code and last words tell why.
        }
        var figures = new ArrayList<JsonNode>();
        try (var reader = process.inputReader(StandardCharsets.UTF_8)) {
            for (var line = reader.readLine(); line != null; line = reader.readLine()) {
                if (line.startsWith(MARK)) {
                    figures.add(JSON.readTree(line.substring(MARK.length())));
                }
            }
        } catch (IOException | JacksonException broken) {
            throw new PeerException("A peer's answer broke off: " + broken.getMessage(), broken);
        }
        return figures;
    }

    /// The last lines of a file, for messages.
    static String end(Path errors) {
        try {
            var lines = Files.readString(errors, StandardCharsets.ISO_8859_1)
                    .lines()
                    .filter(line -> !line.isBlank())
                    .toList();
            return String.join("\n", lines.subList(Math.max(0, lines.size() - SHOWN_LINES), lines.size()));
        } catch (IOException unreadable) {
            return String.valueOf(unreadable.getMessage());
        }
    }

    private String program() {
        try (var in = Objects.requireNonNull(PeerScript.class.getResourceAsStream(resource), resource)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
