package dev.lowrank.app;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/// A folder for models that are only measured; it goes when it is closed or the process is stopped.
final class WorkFolder implements AutoCloseable {
    private final Path path;
    private final Thread atExit;

    private WorkFolder(Path path) {
        this.path = path;
        this.atExit = Thread.ofPlatform().name("work-folder").unstarted(() -> delete(path));
        Runtime.getRuntime().addShutdownHook(atExit);
    }

    /// Makes one.
    ///
    /// @param output the folder that one of the models will become, which decides the disk; null for the
    ///     system's temporary folder
    /// @throws CommandException with code 2 if the output exists already
    static WorkFolder forOutput(@Nullable Path output) {
        try {
            if (output == null) {
                return new WorkFolder(Files.createTempDirectory("lowrank-"));
            }
            requireAbsent(output);
            var parent = output.toAbsolutePath().normalize().getParent();
            if (parent == null) {
                throw new CommandException(ExitCode.USAGE, "The output cannot be a root folder.", "Name a new folder.");
            }
            Files.createDirectories(parent);
            return new WorkFolder(Files.createTempDirectory(parent, "." + output.getFileName() + "-"));
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    Path path() {
        return path;
    }

    /// Makes a folder inside the output.
    ///
    /// @param folder inside this one
    void keep(Path folder, Path output) {
        requireAbsent(output);
        move(folder, output);
    }

    /// Moves a folder on the same disk.
    static void move(Path folder, Path output) {
        try {
            Files.move(folder, output, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /// @throws CommandException with code 2 if there is something
    static void requireAbsent(Path output) {
        if (Files.exists(output)) {
            throw new CommandException(
                    ExitCode.USAGE, output + " exists already.", "Choose another name or remove it.");
        }
    }

    @Override
    public void close() {
        Runtime.getRuntime().removeShutdownHook(atExit);
        delete(path);
    }

    /// Deletes a folder and all in it.
    static void delete(Path folder) {
        try (var paths = Files.walk(folder)) {
            for (var path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
