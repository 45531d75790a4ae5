package dev.lowrank.compress;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Shape;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.Tensors;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;

/// The residual stream of all calibration windows between two blocks, F32 in a file: it never has to fit
/// into memory, and a killed run finds it again.
public final class HiddenStates {
    private final Path folder;
    private final String prefix;
    private final int window;
    private final int width;

    /// Names the files; writes nothing.
    ///
    /// @param folder where they lie
    /// @param prefix first part of the file names
    /// @param window tokens in a window
    /// @param width numbers a token
    public HiddenStates(Path folder, String prefix, int window, int width) {
        this.folder = folder;
        this.prefix = prefix;
        this.window = window;
        this.width = width;
    }

    private Path file(int block) {
        return folder.resolve(String.format(Locale.ROOT, "%s-%05d.f32", prefix, block));
    }

    private long windowBytes() {
        return 4L * window * width;
    }

    /// What goes into a block, in the innermost scope.
    ///
    /// @param first first window
    /// @param count windows
    /// @return F32 `[count, window, width]`
    public Tensor read(int block, int first, int count) {
        var path = file(block);
        return Tensors.filled(DType.F32, Shape.of(count, window, width), memory -> {
            try (var channel = FileChannel.open(path, StandardOpenOption.READ)) {
                var buffer = memory.asByteBuffer();
                var offset = first * windowBytes();
                while (buffer.hasRemaining()) {
                    var read = channel.read(buffer, offset + buffer.position());
                    if (read < 0) {
                        throw new CheckpointException(Code.IO_FILE_CHANGED, path, "The working file became shorter");
                    }
                }
            } catch (IOException failure) {
                throw failed(path, failure);
            }
        });
    }

    /// Stores what goes into a block.
    ///
    /// @param first first window
    /// @param hidden F32 `[count, window, width]`
    public void write(int block, int first, Tensor hidden) {
        var path = file(block);
        hidden.lend(DType.F32, memory -> {
            try (var channel = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                var buffer = memory.asByteBuffer();
                var offset = first * windowBytes();
                while (buffer.hasRemaining()) {
                    channel.write(buffer, offset + buffer.position());
                }
            } catch (IOException failure) {
                throw failed(path, failure);
            }
        });
    }

    /// A checksum of what goes into a block, or 0 if there is no file.
    long checksum(int block) {
        return WorkFiles.checksum(file(block));
    }

    /// Removes what went into a block and is needed no more.
    public void forget(int block) {
        try {
            Files.deleteIfExists(file(block));
        } catch (IOException failure) {
            throw failed(file(block), failure);
        }
    }

    private static CheckpointException failed(Path path, IOException failure) {
        return WorkFiles.failed(path, failure);
    }
}
