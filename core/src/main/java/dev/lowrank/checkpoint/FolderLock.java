package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/// An exclusive lock on a folder through a file in it; the system frees it when the process ends, however
/// it ends.
final class FolderLock implements AutoCloseable {
    private final Path file;
    private final FileChannel channel;

    private FolderLock(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    static FolderLock acquire(Path folder, String name) throws IOException {
        var file = folder.resolve(name);
        var channel = open(folder, file);
        // The owner may have finished and removed the file between opening and locking: such a lock is worth nothing.
        if (tryLock(channel) == null || !Files.exists(file)) {
            channel.close();
            throw locked(folder);
        }
        return new FolderLock(file, channel);
    }

    private static FileChannel open(Path folder, Path file) throws IOException {
        try {
            return FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        } catch (NoSuchFileException _) {
            // The owner renamed the folder this moment.
            throw locked(folder);
        }
    }

    private static CheckpointException locked(Path folder) {
        return new CheckpointException(
                Code.OUT_LOCKED, folder, "Another process writes this output; wait for it or choose another name");
    }

    private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (OverlappingFileLockException _) {
            return null;
        }
    }

    /// Removes the lock file while still holding the lock.
    void delete() throws IOException {
        Files.deleteIfExists(file);
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw DiskErrors.translate(file, 0, e);
        }
    }
}
