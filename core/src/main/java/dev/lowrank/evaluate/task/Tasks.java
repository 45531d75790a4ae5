package dev.lowrank.evaluate.task;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/// The tasks we know, each a file of its own.
public final class Tasks {
    private static final List<String> NAMES = List.of(
            "arc_challenge",
            "arc_easy",
            "boolq",
            "copa",
            "gsm8k",
            "hellaswag",
            "humaneval",
            "lambada_openai",
            "mathqa",
            "mbpp",
            "mmlu",
            "openbookqa",
            "piqa",
            "social_iqa",
            "svamp",
            "truthfulqa_mc1",
            "truthfulqa_mc2",
            "winogrande",
            "wsc273");

    private Tasks() {}

    /// Names of all tasks.
    public static List<String> names() {
        return NAMES;
    }

    /// The task of a name; empty if there is none.
    public static Optional<TaskDefinition> named(String name) {
        return NAMES.contains(name) ? Optional.of(TaskReader.read(name + ".yaml", resource(name))) : Optional.empty();
    }

    /// A task of the user's own.
    ///
    /// @throws TaskException if the file is missing or broken
    public static TaskDefinition read(Path file) {
        try {
            return TaskReader.read(String.valueOf(file.getFileName()), Files.readString(file));
        } catch (IOException e) {
            throw new TaskException("The task file " + file + " cannot be read: " + e.getMessage(), e);
        }
    }

    private static String resource(String name) {
        try (var stream = Tasks.class.getResourceAsStream(name + ".yaml")) {
            return new String(Objects.requireNonNull(stream, name).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
