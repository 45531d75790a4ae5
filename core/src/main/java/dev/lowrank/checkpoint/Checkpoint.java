package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.tensor.HostTensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/// A model on disk: configuration and named tensors, read lazily, never trusted and never loading a native
/// library.
public sealed interface Checkpoint extends AutoCloseable permits HuggingFaceFolder, GgufFile {
    /// Opens a model folder or a `.gguf` file: headers are read and checked, weights are mapped.
    ///
    /// @param path folder or file
    /// @return the open checkpoint, to be closed
    /// @throws CheckpointException if it is missing, incomplete, of another kind, or breaks a rule of its
    ///     format
    static Checkpoint open(Path path) {
        if (!Files.exists(path)) {
            throw new CheckpointException(
                    Code.IO_NOT_FOUND, path, "No such model; give a model folder or a .gguf file");
        }
        if (Files.isDirectory(path)) {
            return HuggingFaceFolder.open(path);
        }
        var name = String.valueOf(path.getFileName()).toLowerCase(Locale.ROOT);
        if (Pickles.isPickle(name)) {
            throw Pickles.refusal(path);
        }
        if (name.endsWith(".safetensors")) {
            throw new CheckpointException(
                    Code.CFG_MISSING, path, "A weight file alone has no configuration; give the folder it is in");
        }
        return GgufFile.open(path);
    }

    /// @return the folder or file
    Path path();

    /// @return the model's configuration in Hugging Face spelling
    ModelConfig config();

    /// @return Hugging Face names of all tensors, sorted
    Set<String> names();

    /// @param name one of [#names]
    /// @return type, shape and size without reading it
    /// @throws CheckpointException `NO_SUCH_TENSOR`
    TensorInfo info(String name);

    /// Reads one tensor: a view of the mapped file, valid until [#close], plain numbers and quantised
    /// blocks as they are stored; a copy where the file has the rows in another order.
    ///
    /// @param name one of [#names]
    /// @return its values
    /// @throws CheckpointException `NO_SUCH_TENSOR`, `IO_FILE_CHANGED`, `NUM_NONFINITE` or an unsupported
    ///     type
    HostTensor read(String name);

    /// Lets the system take back the memory behind a tensor's mapped bytes; the next access reads the file
    /// again.
    ///
    /// @param name one of [#names]
    /// @throws CheckpointException as [#read]
    void release(String name);

    /// @return bytes of the weight files
    long weightBytes();

    /// @return files to hand on unchanged: tokenizer, chat template, generation defaults; those that exist
    List<Path> sidecars();

    /// Unmaps the files; views taken from them can no longer be read.
    @Override
    void close();
}
