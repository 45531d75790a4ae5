package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// One regular file opened for reading: bounded reads for headers, a mapping for tensors, and the check
/// that it is still
/// the file that was opened.
final class StoredFile implements AutoCloseable {
    private final Path path;
    private final FileChannel channel;
    private final BasicFileAttributes opened;

    private StoredFile(Path path, FileChannel channel, BasicFileAttributes opened) {
        this.path = path;
        this.channel = channel;
        this.opened = opened;
    }

    /// Opens a path that has no links left in its last part; anything but a regular file is refused before
    /// opening, so that a pipe or a device never blocks.
    ///
    /// @param shown path for messages
    /// @param real the resolved path
    static StoredFile open(Path shown, Path real) {
        try {
            var before = Files.readAttributes(real, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            if (!before.isRegularFile()) {
                throw new CheckpointException(
                        Code.PATH_NOT_REGULAR, shown, "Expected a regular file, found a " + kind(before));
            }
            var channel = FileChannel.open(real, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
            var after = Files.readAttributes(real, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            if (!Objects.equals(before.fileKey(), after.fileKey()) || channel.size() != after.size()) {
                channel.close();
                throw new CheckpointException(Code.PATH_CHANGED, shown, "The file was replaced while it was opened");
            }
            return new StoredFile(shown, channel, after);
        } catch (IOException e) {
            throw failure(shown, e);
        }
    }

    /// Opens a path the user gave: links are followed.
    static StoredFile open(Path path) {
        try {
            return open(path, path.toRealPath());
        } catch (IOException e) {
            throw failure(path, e);
        }
    }

    /// @return the whole content of a small file
    static byte[] readSmall(Path shown, Path real, long limit, Code overLimit) {
        try (var file = open(shown, real)) {
            if (file.size() > limit) {
                throw new CheckpointException(
                        overLimit, shown, "The file has " + file.size() + " bytes; at most " + limit + " are read");
            }
            var bytes = ByteBuffer.allocate((int) file.size());
            file.readFully(bytes, 0);
            return bytes.array();
        }
    }

    static CheckpointException failure(Path path, IOException e) {
        if (e instanceof NoSuchFileException) {
            return new CheckpointException(Code.IO_NOT_FOUND, path, -1, "", "No such file", e);
        }
        return new CheckpointException(Code.IO_FAILED, path, -1, "", "Could not read the file: " + e, e);
    }

    private static String kind(BasicFileAttributes attributes) {
        return attributes.isDirectory() ? "folder" : attributes.isSymbolicLink() ? "link" : "pipe or device";
    }

    Path path() {
        return path;
    }

    long size() {
        return opened.size();
    }

    /// Fills `target` from `position` on.
    void readFully(ByteBuffer target, long position) {
        try {
            var at = position;
            while (target.hasRemaining()) {
                var count = channel.read(target, at);
                if (count < 0) {
                    throw new EOFException();
                }
                at += count;
            }
        } catch (EOFException e) {
            throw changed(e);
        } catch (IOException e) {
            throw failure(path, e);
        }
    }

    /// @return the whole file; valid until the arena closes
    MemorySegment map(Arena arena) {
        try {
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, size(), arena);
        } catch (IOException e) {
            throw failure(path, e);
        }
    }

    /// A mapping of a file that got shorter faults on access: this is asked before each tensor is handed
    /// out.
    void requireUnchanged() {
        try {
            if (channel.size() != opened.size()) {
                throw changed(null);
            }
            if (Files.exists(path)) {
                var now = Files.readAttributes(path, BasicFileAttributes.class);
                var same = Objects.equals(now.fileKey(), opened.fileKey());
                if (same && !now.lastModifiedTime().equals(opened.lastModifiedTime())) {
                    throw changed(null);
                }
            }
        } catch (IOException e) {
            throw failure(path, e);
        }
    }

    CheckpointException changed(@Nullable Throwable cause) {
        return new CheckpointException(
                Code.IO_FILE_CHANGED,
                path,
                -1,
                "",
                "The file changed while it was read (it had " + size() + " bytes); do not write to it meanwhile",
                cause);
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw failure(path, e);
        }
    }
}
