package dev.lowrank.app;

import dev.lowrank.checkpoint.Manifest;
import dev.lowrank.compress.Fingerprint;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Finds the dense model that a compressed folder was made from. Its manifest holds the name and the hashes
/// of all files, but no place: the name is looked for beside the folder, in the working folder and among
/// the models of the project, and counts only if every hash agrees.
record TeacherArgument(Path home) {

    /// The source of a folder.
    ///
    /// @param folder one that Lowrank wrote
    /// @return null if it is not found, or not the same any more
    @Nullable
    Path sourceOf(Path folder) {
        if (!Files.exists(folder.resolve(Manifest.FILE_NAME))) {
            return null; // no folder of ours; whoever trains it will say so
        }
        var run = Manifest.read(folder).run();
        var name = run.path("source").asString("");
        var hashes = run.path("fingerprint").path("source");
        if (name.isEmpty() || hashes.isMissingNode() || name.contains("/")) {
            return null;
        }
        return Stream.of(
                        folder.toAbsolutePath().normalize().resolveSibling(name),
                        Path.of(name),
                        home.resolve("models").resolve(name))
                .filter(Files::exists)
                .filter(path -> Fingerprint.source(path).equals(hashes))
                .findFirst()
                .orElse(null);
    }
}
