package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/// An output folder that appears whole or not at all.
///
/// Work happens in the sibling `NAME.partial`, held by a lock that the system frees when the process dies.
/// [#commit] writes the manifest last, flushes everything and renames the folder. Without it the partial
/// folder stays, and the next
/// [#begin] resumes it; what of its content can be used again is for the caller to decide.
public final class OutputFolder implements AutoCloseable {
    static final String LOCK_FILE = ".lowrank.lock";
    private static final String WORK_FOLDER = ".work";
    private static final String TEMPORARY = ".writing";
    private static final String DOOMED_FOLDER = WORK_FOLDER + TEMPORARY;
    private static final double SPACE_MARGIN = 1.05;

    private final Path out;
    private final Path partial;
    private final FolderLock lock;
    private final boolean resumed;

    private OutputFolder(Path out, Path partial, FolderLock lock, boolean resumed) {
        this.out = out;
        this.partial = partial;
        this.lock = lock;
        this.resumed = resumed;
    }

    /// Starts an output or resumes an unfinished one.
    ///
    /// @param out the folder to make; must not exist
    /// @param inputs files and folders that are read; `out` may not be one of them nor lie inside one
    /// @return the output, to be committed and closed
    /// @throws CheckpointException `OUT_EXISTS`, `OUT_IN_INPUT`, `OUT_LOCKED`, `OUT_INVALID` or
    ///     `OUT_NO_SPACE`
    public static OutputFolder begin(Path out, List<Path> inputs) {
        var target = out.toAbsolutePath().normalize();
        var name = target.getFileName();
        if (name == null) {
            throw new CheckpointException(Code.OUT_INVALID, out, "The output cannot be a root folder; name a new one");
        }
        requireOutsideInputs(target, inputs);
        requireAbsent(target);
        var partial = target.resolveSibling(name + ".partial");
        try {
            if (Files.exists(partial, LinkOption.NOFOLLOW_LINKS)
                    && !Files.isDirectory(partial, LinkOption.NOFOLLOW_LINKS)) {
                throw new CheckpointException(Code.OUT_INVALID, partial, "Not a folder; move it away");
            }
            Files.createDirectories(partial);
            return begin(target, partial);
        } catch (IOException e) {
            throw DiskErrors.translate(out, 0, e);
        }
    }

    private static OutputFolder begin(Path out, Path partial) throws IOException {
        var lock = FolderLock.acquire(partial, LOCK_FILE);
        try {
            requireAbsent(out);
            FolderFiles.delete(partial.resolve(DOOMED_FOLDER));
            var resumed = false;
            for (var file : FolderFiles.list(partial).entrySet()) {
                if (file.getKey().endsWith(TEMPORARY) || file.getKey().equals(Manifest.FILE_NAME)) {
                    Files.delete(file.getValue());
                } else {
                    resumed |= !file.getKey().equals(LOCK_FILE);
                }
            }
            return new OutputFolder(out, partial, lock, resumed);
        } catch (RuntimeException | IOException e) {
            lock.close();
            throw e;
        }
    }

    /// The error for a failed access to a file of an output; a full disk says what is free.
    ///
    /// @param file which
    /// @param failure what the system said
    /// @return a `OUT_NO_SPACE`, `OUT_FAILED` or `IO_FAILED` error to throw
    public static CheckpointException failure(Path file, IOException failure) {
        return DiskErrors.translate(file, 0, failure);
    }

    static void requireAbsent(Path out) {
        if (Files.exists(out, LinkOption.NOFOLLOW_LINKS)) {
            throw new CheckpointException(
                    Code.OUT_EXISTS, out, "The output exists already; choose another name or remove it");
        }
    }

    static void requireOutsideInputs(Path out, List<Path> inputs) {
        var real = realOrNearest(out);
        for (var input : inputs) {
            if (real.startsWith(realOrNearest(input.toAbsolutePath().normalize()))) {
                throw new CheckpointException(
                        Code.OUT_IN_INPUT,
                        out,
                        "The output would lie inside its input " + input + "; choose a place" + " elsewhere");
            }
        }
    }

    private static Path realOrNearest(Path path) {
        try {
            return path.toRealPath();
        } catch (IOException e) {
            var parent = path.getParent();
            var name = path.getFileName();
            return parent == null || name == null ? path : realOrNearest(parent).resolve(name);
        }
    }

    /// @return where files are written until [#commit]
    public Path folder() {
        return partial;
    }

    /// @return whether an unfinished run had left files here
    public boolean resumed() {
        return resumed;
    }

    /// @return a folder for intermediate state; it is made here and does not reach the finished output
    public Path workFolder() {
        var work = partial.resolve(WORK_FOLDER);
        try {
            return Files.createDirectories(work);
        } catch (IOException e) {
            throw DiskErrors.translate(work, 0, e);
        }
    }

    /// Refuses to start what would not fit.
    ///
    /// @param bytes estimate of what is still to be written
    /// @throws CheckpointException `OUT_NO_SPACE` if less than 1.05 times that is free
    public void requireSpace(long bytes) {
        var needed = (long) (bytes * SPACE_MARGIN);
        var free = DiskErrors.freeBytes(partial);
        if (free >= 0 && free < needed) {
            throw DiskErrors.noSpace(partial, needed, free, null);
        }
    }

    /// Writes a small file: it is there whole and durable, or not at all.
    ///
    /// @param name file name, or a path with `/` inside the folder
    /// @param bytes its content
    public void write(String name, byte[] bytes) {
        var target = resolve(name);
        var temporary = target.resolveSibling(target.getFileName() + TEMPORARY);
        try (var channel = FileChannel.open(
                temporary, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            var buffer = ByteBuffer.wrap(bytes);
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
            channel.force(true);
            DiskErrors.moveInto(temporary, target);
        } catch (IOException e) {
            throw DiskErrors.translate(target, bytes.length, e);
        }
    }

    /// Copies a file byte for byte, under its own name.
    ///
    /// @param source a file
    public void copy(Path source) {
        copy(source, String.valueOf(source.getFileName()));
    }

    /// Copies a file byte for byte.
    ///
    /// @param source a file, e.g. one of [Checkpoint#sidecars]
    /// @param name file name, or a path with `/` inside the folder
    public void copy(Path source, String name) {
        var target = resolve(name);
        var temporary = target.resolveSibling(target.getFileName() + TEMPORARY);
        try (var original = FileChannel.open(source, StandardOpenOption.READ);
                var to = FileChannel.open(
                        temporary,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE)) {
            var size = original.size();
            for (var done = 0L; done < size; ) {
                var count = original.transferTo(done, size - done, to);
                if (count <= 0) {
                    throw new CheckpointException(Code.IO_FILE_CHANGED, source, "The file changed while it was copied");
                }
                done += count;
            }
            to.force(true);
            DiskErrors.moveInto(temporary, target);
        } catch (IOException e) {
            throw DiskErrors.translate(target, 0, e);
        }
    }

    /// @param name file name
    /// @param entries its tensors
    /// @return a writer into this folder
    public SafetensorsWriter safetensors(String name, List<SafetensorsWriter.Entry> entries) {
        return SafetensorsWriter.create(resolve(name), entries);
    }

    private Path resolve(String name) {
        var path = partial;
        for (var part : name.split("/", -1)) {
            SafePaths.requirePlain(partial, part);
            path = path.resolve(part);
        }
        try {
            var parent = path.getParent();
            if (parent != null) {
                Files.createDirectories(parent);
            }
        } catch (IOException e) {
            throw DiskErrors.translate(path, 0, e);
        }
        return path;
    }

    /// Opens what has been written so far, to check it before [#commit].
    ///
    /// @return the checkpoint in the partial folder; the caller closes it
    public Checkpoint reopen() {
        return HuggingFaceFolder.openUnfinished(partial);
    }

    /// Finishes the output: flushes and hashes all files, writes the manifest, renames the folder.
    ///
    /// @param run how the output was made, for the manifest
    /// @return the manifest written
    public Manifest commit(ObjectNode run) {
        try {
            var files = new ArrayList<ManifestFile>();
            for (var file : FolderFiles.list(partial).entrySet()) {
                if (belongsToOutput(file.getKey())) {
                    files.add(flush(file.getKey(), file.getValue()));
                }
            }
            var manifest = new Manifest(run, files);
            write(Manifest.FILE_NAME, manifest.toBytes());
            removeWork();
            requireAbsent(out);
            DiskErrors.forceFolder(partial);
            DiskErrors.moveInto(partial, out);
            // Only now: a process that begins meanwhile must find the lock. A kill here leaves it behind, harmless.
            Files.deleteIfExists(out.resolve(LOCK_FILE));
            return manifest;
        } catch (IOException e) {
            throw DiskErrors.translate(out, 0, e);
        }
    }

    private static boolean belongsToOutput(String name) {
        return !name.equals(LOCK_FILE)
                && !name.equals(Manifest.FILE_NAME)
                && !name.startsWith(WORK_FOLDER + "/")
                && !name.endsWith(TEMPORARY);
    }

    private static ManifestFile flush(String name, Path file) throws IOException {
        try (var channel = FileChannel.open(file, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
            channel.force(true);
        }
        DiskErrors.forceFolder(file.getParent());
        return FolderFiles.describe(name, file, StandardOpenOption.READ);
    }

    /// The work folder goes in one step, so that a kill meanwhile leaves it whole or absent.
    private void removeWork() throws IOException {
        var work = partial.resolve(WORK_FOLDER);
        if (Files.exists(work)) {
            var doomed = partial.resolve(DOOMED_FOLDER);
            FolderFiles.delete(doomed);
            DiskErrors.moveInto(work, doomed);
            FolderFiles.delete(doomed);
        }
    }

    /// Empties the partial folder, to start afresh.
    public void clear() {
        try {
            for (var file : FolderFiles.list(partial).entrySet()) {
                if (!file.getKey().equals(LOCK_FILE)) {
                    Files.delete(file.getValue());
                }
            }
        } catch (IOException e) {
            throw DiskErrors.translate(partial, 0, e);
        }
    }

    /// Removes the partial folder.
    public void discard() {
        try {
            clear();
            lock.delete();
            FolderFiles.delete(partial);
        } catch (IOException e) {
            throw DiskErrors.translate(partial, 0, e);
        }
    }

    /// Lets go of the lock; an output that was not committed stays, to be resumed.
    @Override
    public void close() {
        lock.close();
    }
}
