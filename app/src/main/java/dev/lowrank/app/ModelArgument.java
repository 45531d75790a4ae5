package dev.lowrank.app;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Finds the model that a command line means: a folder, a `.gguf` file, a name in the local Hugging Face
/// cache, or, without an argument, the pocket model.
final class ModelArgument {
    private static final String HUB_NAME = "[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*";

    private final Path home;
    private final HubCache cache;

    /// @param home folder of the project, where `models/pocket` lies
    /// @param environment where the cache's place is looked up
    ModelArgument(Path home, Map<String, String> environment) {
        this.home = home;
        this.cache = HubCache.of(environment, Path.of(System.getProperty("user.home", ".")));
    }

    /// The path of a model.
    ///
    /// @param argument as typed; null for the pocket model
    /// @throws CommandException if there is no such model: code 4 for a path, 8 for a hub name that is not
    ///     in the cache
    Path resolve(@Nullable String argument) {
        if (argument == null) {
            return pocket();
        }
        var path = Path.of(argument);
        if (Files.exists(path)) {
            return path;
        }
        if (argument.matches(HUB_NAME) && !argument.endsWith(".gguf")) {
            return cache.snapshot(argument);
        }
        throw new CommandException(
                ExitCode.INPUT,
                argument + " does not exist.",
                "Give a Hugging Face folder, a .gguf file, a name like org/name, or nothing for the pocket model.");
    }

    private Path pocket() {
        var pocket = home.resolve("models").resolve("pocket");
        if (!Files.isDirectory(pocket)) {
            throw new CommandException(
                    ExitCode.INPUT,
                    "The pocket model is not in " + pocket + ".",
                    "Name a model: a Hugging Face folder or a .gguf file.");
        }
        return pocket;
    }
}
