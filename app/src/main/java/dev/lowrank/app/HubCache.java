package dev.lowrank.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/// The local cache of the Hugging Face hub, read only: `models--org--name/refs/main` names the commit,
/// `models--org--name/snapshots/COMMIT` holds its files. Variables and defaults are those of
/// `huggingface_hub`.
final class HubCache {
    private final Path folder;

    private HubCache(Path folder) {
        this.folder = folder;
    }

    /// The cache that the environment names.
    ///
    /// @param environment `HF_HUB_CACHE`, else `HUGGINGFACE_HUB_CACHE`, else `HF_HOME/hub`, else
    ///     `XDG_CACHE_HOME/huggingface/hub`, else `~/.cache/huggingface/hub`
    /// @param userHome the user's home folder
    static HubCache of(Map<String, String> environment, Path userHome) {
        return new HubCache(set(environment, "HF_HUB_CACHE")
                .or(() -> set(environment, "HUGGINGFACE_HUB_CACHE"))
                .map(path -> expand(path, userHome))
                .orElseGet(() -> home(environment, userHome).resolve("hub")));
    }

    private static Path home(Map<String, String> environment, Path userHome) {
        return set(environment, "HF_HOME")
                .map(path -> expand(path, userHome))
                .orElseGet(() -> set(environment, "XDG_CACHE_HOME")
                        .map(path -> expand(path, userHome))
                        .orElse(userHome.resolve(".cache"))
                        .resolve("huggingface"));
    }

    /// The folder of the cache itself.
    Path folder() {
        return folder;
    }

    /// The snapshot of a model that `main` points to.
    ///
    /// @param name `org/name`
    /// @throws CommandException with code 8 if the cache does not have it
    Path snapshot(String name) {
        var model = folder.resolve("models--" + name.replace("/", "--"));
        var reference = model.resolve("refs").resolve("main");
        if (!Files.isRegularFile(reference)) {
            throw missing(name, "has no " + name);
        }
        try {
            var commit = Files.readString(reference).strip();
            var snapshot = model.resolve("snapshots").resolve(commit);
            if (!commit.matches("[0-9a-f]{40}") || !Files.isDirectory(snapshot)) {
                throw missing(name, "has no complete snapshot of " + name);
            }
            return snapshot;
        } catch (IOException unreadable) {
            throw missing(name, "cannot be read (" + unreadable.getMessage() + ")");
        }
    }

    private CommandException missing(String name, String what) {
        return new CommandException(
                ExitCode.NETWORK,
                "The Hugging Face cache " + folder + " " + what + ", and this version of Lowrank downloads nothing.",
                "Fetch it with `hf download " + name + "`, or give a folder or a .gguf file.");
    }

    private static Optional<String> set(Map<String, String> environment, String name) {
        return Optional.ofNullable(environment.get(name)).filter(value -> !value.isBlank());
    }

    private static Path expand(String path, Path userHome) {
        if (path.equals("~")) {
            return userHome;
        }
        return path.startsWith("~/") ? userHome.resolve(path.substring(2)) : Path.of(path);
    }
}
