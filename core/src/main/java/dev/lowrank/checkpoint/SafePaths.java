package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.regex.Pattern;

/// Files of one model folder: plain names only, links only inside the folder or, for a snapshot of the hub
/// cache, inside
/// that repository's cache folder (`models--org--name/snapshots/COMMIT` links to `../../blobs`).
final class SafePaths {
    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9._-]{1,255}");

    private final Path folder;
    private final Path root;

    private SafePaths(Path folder, Path root) {
        this.folder = folder;
        this.root = root;
    }

    static SafePaths of(Path folder) {
        try {
            var real = folder.toRealPath();
            var snapshots = real.getParent();
            var repository = snapshots == null ? null : snapshots.getParent();
            if (snapshots != null && repository != null && snapshots.endsWith("snapshots")) {
                return new SafePaths(folder, repository);
            }
            return new SafePaths(folder, real);
        } catch (IOException e) {
            throw StoredFile.failure(folder, e);
        }
    }

    /// @param source the file that holds the name, for messages
    static void requirePlain(Path source, String name) {
        if (PLAIN.matcher(name).matches() && !name.equals(".") && !name.equals("..")) {
            return;
        }
        var leaves = name.contains("/") || name.contains("\\") || name.contains("..") || name.contains("%");
        throw new CheckpointException(
                leaves ? Code.PATH_ESCAPE : Code.PATH_BAD,
                source,
                -1,
                name,
                "Not a file name of this folder; expected letters, digits, dot, dash and underscore only",
                null);
    }

    boolean exists(String name) {
        return Files.exists(folder.resolve(name), LinkOption.NOFOLLOW_LINKS);
    }

    Path shown(String name) {
        return folder.resolve(name);
    }

    /// @return the file behind a plain name, all links resolved and inside the root
    Path real(String name) {
        var path = folder.resolve(name);
        try {
            var real = path.toRealPath();
            if (!real.startsWith(root)) {
                throw new CheckpointException(
                        Code.PATH_ESCAPE, path, "The link leads out of the model folder; put the file itself there");
            }
            return real;
        } catch (NoSuchFileException e) {
            throw StoredFile.failure(path, e);
        } catch (FileSystemException e) {
            if (Files.isSymbolicLink(path)) {
                throw new CheckpointException(
                        Code.PATH_LOOP, path, -1, "", "The link cannot be followed; it may lead to itself", e);
            }
            throw StoredFile.failure(path, e);
        } catch (IOException e) {
            throw StoredFile.failure(path, e);
        }
    }

    StoredFile open(String name) {
        return StoredFile.open(shown(name), real(name));
    }

    byte[] readSmall(String name, long limit, Code overLimit) {
        return StoredFile.readSmall(shown(name), real(name), limit, overLimit);
    }
}
