package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/// What goes wrong while writing, told apart: a full disk is not a broken one.
final class DiskErrors {
    private DiskErrors() {}

    static CheckpointException translate(Path path, long needed, IOException e) {
        var text = String.valueOf(e.getMessage());
        var free = freeBytes(path);
        if (text.contains("No space left") || text.contains("quota") || (free >= 0 && free < needed)) {
            return noSpace(path, needed, free, e);
        }
        if (isAboutThePath(e)) {
            return new CheckpointException(Code.IO_FAILED, path, -1, "", "Could not write: " + e, e);
        }
        return new CheckpointException(
                Code.OUT_FAILED,
                path,
                -1,
                "",
                "The disk did not take it: " + e + "; look after the disk and run the command again",
                e);
    }

    /// A wrong path is the user's to mend, everything else the disk's.
    private static boolean isAboutThePath(IOException e) {
        return e instanceof AccessDeniedException
                || e instanceof NoSuchFileException
                || e instanceof NotDirectoryException
                || e instanceof FileAlreadyExistsException;
    }

    static CheckpointException noSpace(Path path, long needed, long free, @Nullable IOException cause) {
        return new CheckpointException(
                Code.OUT_NO_SPACE,
                path,
                -1,
                "",
                "The disk is full: " + needed + " bytes needed, " + Math.max(free, 0) + " bytes free; make room and run"
                        + " the command again",
                cause);
    }

    /// @return free bytes where `path` is or would be, or -1 if unknown
    static long freeBytes(Path path) {
        for (var at = path.toAbsolutePath(); at != null; at = at.getParent()) {
            if (Files.exists(at)) {
                try {
                    return Files.getFileStore(at).getUsableSpace();
                } catch (IOException e) {
                    return -1;
                }
            }
        }
        return -1;
    }

    /// Renames within one file system and makes the new name durable.
    static void moveInto(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        forceFolder(to.toAbsolutePath().getParent());
    }

    /// Flushes a folder, so that names in it survive a power cut; file systems that cannot (Windows) are
    /// left alone.
    static void forceFolder(@Nullable Path folder) throws IOException {
        if (folder == null || folder.getFileSystem().getSeparator().equals("\\")) {
            return;
        }
        try (var channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }
}
