package dev.lowrank.testing.disk;

import dev.lowrank.testing.disk.Fault.Operation;
import java.io.IOException;
import java.net.URI;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.AccessMode;
import java.nio.file.CopyOption;
import java.nio.file.DirectoryStream;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.FileSystemException;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileAttributeView;
import java.nio.file.spi.FileSystemProvider;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;

/// The real file system, but one operation fails. Code under test gets [#at] a real folder and need not
/// know.
public final class FaultyDisk extends FileSystemProvider {
    private final Fault fault;
    private final Map<Operation, Integer> counts = new EnumMap<>(Operation.class);
    private final FileSystem system = new FaultyFileSystem(this);
    private boolean struck;

    public FaultyDisk(Fault fault) {
        this.fault = fault;
    }

    /// A real place as seen through this disk.
    public Path at(Path real) {
        return new FaultyPath(this, real);
    }

    /// Whether something has failed.
    public synchronized boolean struck() {
        return struck;
    }

    /// How often an operation was asked for.
    public synchronized int count(Operation operation) {
        return counts.getOrDefault(operation, 0);
    }

    /// Counts an operation.
    ///
    /// @return whether it is to fail
    synchronized boolean fails(Operation operation) {
        var failing = fault.strikes(operation, counts.merge(operation, 1, Integer::sum));
        struck |= failing;
        return failing;
    }

    /// What the JDK throws for a failed read or write.
    IOException error() {
        return new IOException(fault.message());
    }

    FileSystem system() {
        return system;
    }

    private void check(Operation operation, Path path) throws IOException {
        if (fails(operation)) {
            throw new FileSystemException(path.toString(), null, fault.message());
        }
    }

    static Path real(Path path) {
        return path instanceof FaultyPath faulty ? faulty.real() : path;
    }

    private static FileSystemProvider provider(Path path) {
        return real(path).getFileSystem().provider();
    }

    @Override
    public FileChannel newFileChannel(Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
            throws IOException {
        if (options.contains(StandardOpenOption.CREATE) || options.contains(StandardOpenOption.CREATE_NEW)) {
            check(Operation.CREATE, path);
        }
        return new FaultyChannel(this, provider(path).newFileChannel(real(path), options, attributes));
    }

    @Override
    public SeekableByteChannel newByteChannel(
            Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes) throws IOException {
        return newFileChannel(path, options, attributes);
    }

    @Override
    public void createDirectory(Path path, FileAttribute<?>... attributes) throws IOException {
        check(Operation.CREATE, path);
        provider(path).createDirectory(real(path), attributes);
    }

    @Override
    public void delete(Path path) throws IOException {
        check(Operation.DELETE, path);
        provider(path).delete(real(path));
    }

    @Override
    public void move(Path source, Path target, CopyOption... options) throws IOException {
        check(Operation.RENAME, source);
        provider(source).move(real(source), real(target), options);
        check(Operation.RENAMED, source);
    }

    @Override
    public void copy(Path source, Path target, CopyOption... options) throws IOException {
        check(Operation.CREATE, target);
        provider(source).copy(real(source), real(target), options);
    }

    @Override
    public DirectoryStream<Path> newDirectoryStream(Path folder, DirectoryStream.Filter<? super Path> filter)
            throws IOException {
        var found = provider(folder).newDirectoryStream(real(folder), path -> filter.accept(at(path)));
        return new DirectoryStream<>() {
            @Override
            public Iterator<Path> iterator() {
                var paths = found.iterator();
                return new Iterator<>() {
                    @Override
                    public boolean hasNext() {
                        return paths.hasNext();
                    }

                    @Override
                    public Path next() {
                        return at(paths.next());
                    }
                };
            }

            @Override
            public void close() throws IOException {
                found.close();
            }
        };
    }

    @Override
    public boolean isSameFile(Path one, Path other) throws IOException {
        return provider(one).isSameFile(real(one), real(other));
    }

    @Override
    public boolean isHidden(Path path) throws IOException {
        return provider(path).isHidden(real(path));
    }

    @Override
    public FileStore getFileStore(Path path) throws IOException {
        return provider(path).getFileStore(real(path));
    }

    @Override
    public void checkAccess(Path path, AccessMode... modes) throws IOException {
        provider(path).checkAccess(real(path), modes);
    }

    @Override
    public <V extends FileAttributeView> V getFileAttributeView(Path path, Class<V> type, LinkOption... options) {
        return provider(path).getFileAttributeView(real(path), type, options);
    }

    @Override
    public <A extends BasicFileAttributes> A readAttributes(Path path, Class<A> type, LinkOption... options)
            throws IOException {
        return provider(path).readAttributes(real(path), type, options);
    }

    @Override
    public Map<String, Object> readAttributes(Path path, String attributes, LinkOption... options) throws IOException {
        return provider(path).readAttributes(real(path), attributes, options);
    }

    @Override
    public void setAttribute(Path path, String attribute, Object value, LinkOption... options) throws IOException {
        provider(path).setAttribute(real(path), attribute, value, options);
    }

    @Override
    public String getScheme() {
        return "faulty";
    }

    @Override
    public FileSystem newFileSystem(URI uri, Map<String, ?> environment) {
        throw new UnsupportedOperationException("A faulty disk is made by its constructor");
    }

    @Override
    public FileSystem getFileSystem(URI uri) {
        return system;
    }

    @Override
    public Path getPath(URI uri) {
        return at(Path.of(uri));
    }
}
