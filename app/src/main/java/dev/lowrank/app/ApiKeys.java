package dev.lowrank.app;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Where the server's keys come from: a file or the environment, never the command line, which every user
/// of the machine can read.
final class ApiKeys {
    private static final String VARIABLE = "LOWRANK_API_KEY";
    private static final int SHORTEST = 8;

    private ApiKeys() {}

    /// @param file a key on each line; lines that are empty or begin with # are not keys
    /// @throws CommandException with code 3 if there is no key in the file, or one is too short
    static List<String> read(@Nullable Path file, Map<String, String> environment) {
        var variable = environment.get(VARIABLE);
        if (file == null) {
            return variable == null || variable.isBlank() ? List.of() : List.of(checked(variable.strip(), VARIABLE));
        }
        try {
            var keys = Files.readAllLines(file).stream()
                    .map(String::strip)
                    .filter(line -> !line.isEmpty() && !line.startsWith("#"))
                    .map(line -> checked(line, file.toString()))
                    .toList();
            if (keys.isEmpty()) {
                throw new CommandException(
                        ExitCode.RECIPE, file + " holds no key.", "Write one key on each line of it.");
            }
            return keys;
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static String checked(String key, String where) {
        if (key.length() < SHORTEST || !key.matches("[!-~]+")) {
            throw new CommandException(
                    ExitCode.RECIPE,
                    "A key in " + where + " has fewer than " + SHORTEST + " characters, or other than visible ASCII.",
                    "Make a long random one, e.g. with: openssl rand -hex 24");
        }
        return key;
    }
}
