package dev.lowrank.testing.disk;

import dev.lowrank.testing.disk.Fault.Operation;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;

/// An open file of a [FaultyDisk]. A failing write lets half of its bytes through, as a filling disk does.
final class FaultyChannel extends FileChannel {
    private final FaultyDisk disk;
    private final FileChannel real;

    FaultyChannel(FaultyDisk disk, FileChannel real) {
        this.disk = disk;
        this.real = real;
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
        if (disk.fails(Operation.WRITE)) {
            var _ = real.write(half(source));
            throw disk.error();
        }
        return real.write(source);
    }

    @Override
    public int write(ByteBuffer source, long position) throws IOException {
        if (disk.fails(Operation.WRITE)) {
            var _ = real.write(half(source), position);
            throw disk.error();
        }
        return real.write(source, position);
    }

    @Override
    public long write(ByteBuffer[] sources, int offset, int length) throws IOException {
        var total = 0L;
        for (var i = offset; i < offset + length; i++) {
            total += write(sources[i]);
        }
        return total;
    }

    private static ByteBuffer half(ByteBuffer source) {
        return source.slice(source.position(), source.remaining() / 2);
    }

    @Override
    public void force(boolean metaData) throws IOException {
        if (disk.fails(Operation.FORCE)) {
            throw disk.error();
        }
        real.force(metaData);
    }

    @Override
    public int read(ByteBuffer target) throws IOException {
        return real.read(target);
    }

    @Override
    public long read(ByteBuffer[] targets, int offset, int length) throws IOException {
        return real.read(targets, offset, length);
    }

    @Override
    public int read(ByteBuffer target, long position) throws IOException {
        return real.read(target, position);
    }

    @Override
    public long position() throws IOException {
        return real.position();
    }

    @Override
    public FileChannel position(long newPosition) throws IOException {
        real.position(newPosition);
        return this;
    }

    @Override
    public long size() throws IOException {
        return real.size();
    }

    @Override
    public FileChannel truncate(long size) throws IOException {
        real.truncate(size);
        return this;
    }

    @Override
    public long transferTo(long position, long count, WritableByteChannel target) throws IOException {
        return real.transferTo(position, count, target);
    }

    @Override
    public long transferFrom(ReadableByteChannel source, long position, long count) throws IOException {
        throw new UnsupportedOperationException("transferFrom would go past the faults; write instead");
    }

    @Override
    public MappedByteBuffer map(MapMode mode, long position, long size) throws IOException {
        return real.map(mode, position, size);
    }

    @Override
    public MemorySegment map(MapMode mode, long offset, long size, Arena arena) throws IOException {
        return real.map(mode, offset, size, arena);
    }

    @Override
    public FileLock lock(long position, long size, boolean shared) throws IOException {
        return real.lock(position, size, shared);
    }

    @Override
    public FileLock tryLock(long position, long size, boolean shared) throws IOException {
        return real.tryLock(position, size, shared);
    }

    @Override
    protected void implCloseChannel() throws IOException {
        real.close();
    }
}
