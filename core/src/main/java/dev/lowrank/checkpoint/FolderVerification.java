package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/// A folder compared with its manifest.
///
/// @param status what it comes to
/// @param ok files with the length and hash of the manifest
/// @param missing files of the manifest that are not there
/// @param changed files of another length or hash, or that are not regular files
/// @param extra files that the manifest does not know; they do no harm
public record FolderVerification(
        Status status, List<String> ok, List<String> missing, List<String> changed, List<String> extra) {
    /// What the comparison comes to.
    public enum Status {
        /// Every file of the manifest is there as it was written.
        INTACT,
        /// Files are missing or changed.
        DAMAGED,
        /// There is no manifest, or a torn one: the folder was never finished.
        INCOMPLETE
    }

    public FolderVerification {
        ok = List.copyOf(ok);
        missing = List.copyOf(missing);
        changed = List.copyOf(changed);
        extra = List.copyOf(extra);
    }

    /// @param folder an output folder
    /// @return what its files are compared with `lowrank.json`
    /// @throws CheckpointException if the folder cannot be read, or its manifest names files outside it
    public static FolderVerification verify(Path folder) {
        try {
            return compare(folder, Manifest.read(folder));
        } catch (CheckpointException e) {
            if (e.code() == Code.INCOMPLETE) {
                return new FolderVerification(Status.INCOMPLETE, List.of(), List.of(), List.of(), List.of());
            }
            throw e;
        } catch (IOException e) {
            throw StoredFile.failure(folder, e);
        }
    }

    private static FolderVerification compare(Path folder, Manifest manifest) throws IOException {
        var found = FolderFiles.list(folder);
        found.remove(Manifest.FILE_NAME);
        found.remove(OutputFolder.LOCK_FILE);
        var ok = new ArrayList<String>();
        var missing = new ArrayList<String>();
        var changed = new ArrayList<String>();
        for (var expected : manifest.files()) {
            var file = found.remove(expected.path());
            if (file == null) {
                missing.add(expected.path());
            } else {
                (matches(expected, file) ? ok : changed).add(expected.path());
            }
        }
        var intact = missing.isEmpty() && changed.isEmpty();
        return new FolderVerification(
                intact ? Status.INTACT : Status.DAMAGED, ok, missing, changed, List.copyOf(found.keySet()));
    }

    private static boolean matches(ManifestFile expected, Path file) throws IOException {
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) || Files.size(file) != expected.bytes()) {
            return false;
        }
        return FolderFiles.describe(expected.path(), file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)
                .equals(expected);
    }
}
