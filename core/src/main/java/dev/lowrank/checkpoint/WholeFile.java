package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// A file that is there whole or not at all: it is written under another name and gets its own only when
/// [#finish] has flushed it to disk; [#close] without it leaves nothing.
final class WholeFile implements AutoCloseable {
    private static final int CHUNK_BYTES = 1 << 20;

    private final Path path;
    private final Path temporary;
    private final long bytes;
    private final FileChannel channel;
    private final ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK_BYTES);
    private boolean finished;

    /// Starts a file.
    ///
    /// @param path its name
    /// @param header its first bytes
    /// @param bytes its size in the end
    WholeFile(Path path, byte[] header, long bytes) {
        this.path = path;
        this.temporary = path.resolveSibling(path.getFileName() + ".writing");
        this.bytes = bytes;
        try {
            this.channel = FileChannel.open(
                    temporary,
                    StandardOpenOption.CREATE,
                    StandardOpenOption.TRUNCATE_EXISTING,
                    StandardOpenOption.READ,
                    StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw DiskErrors.translate(path, 0, e);
        }
        try {
            writeFully(ByteBuffer.wrap(header), 0);
        } catch (IOException | RuntimeException e) {
            close();
            throw e instanceof IOException failed ? DiskErrors.translate(path, bytes, failed) : (RuntimeException) e;
        }
    }

    /// @return the file while it is written
    Path temporary() {
        return temporary;
    }

    /// Writes a tensor's bytes.
    ///
    /// @param name the tensor, for messages
    /// @param offset place in the file
    /// @throws CheckpointException `OUT_NO_SPACE`, `OUT_FAILED`, or `IO_FILE_CHANGED` if the bytes come
    ///     from a
    ///     mapped file that was cut short
    void write(String name, MemorySegment source, long offset) {
        try {
            for (var done = 0L; done < source.byteSize(); done += chunk.limit()) {
                chunk.clear().limit((int) Math.min(CHUNK_BYTES, source.byteSize() - done));
                MemorySegment.copy(source, done, MemorySegment.ofBuffer(chunk), 0, chunk.limit());
                writeFully(chunk, offset + done);
            }
        } catch (IOException e) {
            throw DiskErrors.translate(path, bytes - offset, e);
        } catch (InternalError e) {
            // What the JVM throws when a mapped source file was cut short.
            throw new CheckpointException(
                    Code.IO_FILE_CHANGED, path, -1, name, "The file this tensor comes from got shorter", e);
        }
    }

    private void writeFully(ByteBuffer buffer, long position) throws IOException {
        var at = position;
        while (buffer.hasRemaining()) {
            at += channel.write(buffer, at);
        }
    }

    /// Brings the file to its size, flushes it and gives it its name.
    void finish() {
        try {
            if (channel.size() < bytes) {
                writeFully(ByteBuffer.wrap(new byte[1]), bytes - 1);
            }
            channel.force(true);
            channel.close();
            DiskErrors.moveInto(temporary, path);
            finished = true;
        } catch (IOException e) {
            throw DiskErrors.translate(path, bytes, e);
        }
    }

    /// Discards the file unless it was finished.
    @Override
    public void close() {
        if (finished) {
            return;
        }
        try {
            try {
                channel.close();
            } finally {
                Files.deleteIfExists(temporary);
            }
        } catch (IOException e) {
            throw DiskErrors.translate(path, 0, e);
        }
    }
}
