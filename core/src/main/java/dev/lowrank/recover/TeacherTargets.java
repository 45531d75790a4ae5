package dev.lowrank.recover;

import dev.lowrank.compress.WorkFiles;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.recover.BatchOrder.Window;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicIntegerArray;

/// What the teacher predicts on the training windows: of each position the largest probabilities and their
/// classes, computed when a window is first seen and read from a working file after that. A run that
/// continues computes them again, which gives the same.
final class TeacherTargets implements AutoCloseable {
    /// Rows of vocabulary-wide logits that one thread holds at once.
    private static final int ROWS = 128;
    /// A file of more bytes, or of more than half of what the disk has free beside the reserve, is not
    /// kept; windows are then computed every time.
    private static final long MOST_BYTES = 16L << 30;

    private final TorchDecoder decoder;
    private final StreamedBlocks blocks;
    private final boolean resident;
    private final RecoveryRecipe.Loss loss;
    private final int rows;
    private final int top;
    private final Path file;
    private final FileChannel channel;
    private final AtomicIntegerArray known;
    private final boolean keeps;
    /// What was prepared and is not kept, by the window's number.
    private final Map<Integer, Top> held = new ConcurrentHashMap<>();
    private final TensorStore store = new TensorStore("what the teacher says of a batch");

    /// @param windows number of training windows
    /// @param window tokens in one
    /// @param file working file; made anew
    /// @param reserve bytes that the disk must have for others
    TeacherTargets(
            LanguageModel teacher,
            Residency residency,
            RecoveryRecipe.Loss loss,
            int windows,
            int window,
            Path file,
            long reserve) {
        this.blocks = new StreamedBlocks(teacher);
        this.loss = loss;
        this.resident = residency == Residency.RESIDENT;
        this.rows = window - 1;
        this.top = Math.min(loss.top(), teacher.spec().vocabSize() - 1);
        this.file = file;
        this.known = new AtomicIntegerArray(windows);
        try {
            Files.deleteIfExists(file);
            var free = Files.getFileStore(file.toAbsolutePath().getParent()).getUsableSpace();
            this.keeps = windows * windowBytes() <= Math.min(MOST_BYTES, (free - reserve) / 2);
            this.channel = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        } catch (IOException failure) {
            throw WorkFiles.failed(file, failure);
        }
        try {
            this.decoder = TorchDecoder.load(teacher, residency);
        } catch (RuntimeException failure) {
            closeFile();
            throw failure;
        }
    }

    /// The largest probabilities of some positions.
    ///
    /// @param indices I64 `[rows, top]`, classes
    /// @param probabilities F32 `[rows, top]`, largest first
    record Top(Tensor indices, Tensor probabilities) implements TensorOwner {
        /// Some of the positions, borrowed.
        Top narrow(long first, long count) {
            return new Top(indices.narrow(0, first, count), probabilities.narrow(0, first, count));
        }

        @Override
        public List<Tensor> tensors() {
            return List.of(indices, probabilities);
        }
    }

    private long windowBytes() {
        return (long) rows * top * (Integer.BYTES + Short.BYTES);
    }

    /// Computes what is not known yet, where the teacher's blocks do not stay in memory: each is then
    /// loaded once for a batch.
    void prepare(List<Window> batch) {
        if (resident) {
            return;
        }
        store.release(held.values());
        held.clear();
        var unknown = new TreeMap<Integer, Window>(); // a small text may give one window twice
        batch.stream()
                .filter(window -> known.get(window.number()) == 0)
                .forEach(window -> unknown.put(window.number(), window));
        var missing = List.copyOf(unknown.values());
        if (!missing.isEmpty()) {
            // As many as share the batch, whatever is missing of it: a resident teacher runs in these too.
            var shares = Math.min(Compute.threads(), batch.size());
            TensorScope.tidyRun(() -> {
                var hidden = blocks.hidden(missing.stream().map(Window::tokens).toList(), shares);
                StreamedBlocks.each(missing.size(), shares, i -> keep(missing.get(i), compute(hidden.get(i))));
            });
        }
    }

    private void keep(Window window, Top computed) {
        if (keeps) {
            write(window, computed);
        } else {
            held.put(window.number(), store.keep(computed));
        }
    }

    /// What the teacher predicts after each token of a window but the last. May be called by several
    /// threads for different windows.
    ///
    /// @return `[window − 1, top]`, the same whether computed or read: in the innermost scope, or borrowed
    ///     until the next batch is prepared
    Top of(Window window) {
        var ready = held.get(window.number());
        if (ready != null) {
            return ready;
        }
        if (known.get(window.number()) == 0) {
            var computed = TensorScope.tidy(() -> compute(decoder.hidden(List.of(window.tokens()))));
            if (!keeps) {
                return computed;
            }
            write(window, computed);
            return computed;
        }
        return read(window);
    }

    private Top compute(Tensor hidden) {
        var indices = new ArrayList<Tensor>();
        var values = new ArrayList<Tensor>();
        for (var first = 0; first < rows; first += ROWS) {
            var from = first;
            var part = TensorScope.tidy(() -> {
                var count = Math.min(ROWS, rows - from);
                var logits = decoder.logits(hidden.narrow(1, from, count)).select(0, 0);
                var found = logits.mul_(1 / loss.temperature()).softmax(-1).topk(top, -1);
                // Rounded as the file rounds them, so that a window read again says the same.
                return new Top(found.indices(), found.values().to(DType.F16).to(DType.F32));
            });
            indices.add(part.indices());
            values.add(part.probabilities());
        }
        return new Top(Tensors.cat(indices, 0), Tensors.cat(values, 0));
    }

    private void write(Window window, Top computed) {
        try (var arena = Arena.ofConfined()) {
            var offset = window.number() * windowBytes();
            offset = put(computed.indices().toHost(DType.I32, arena).data(), offset);
            put(computed.probabilities().toHost(DType.F16, arena).data(), offset);
            known.set(window.number(), 1);
        } catch (IOException failure) {
            throw WorkFiles.failed(file, failure);
        }
    }

    private long put(MemorySegment segment, long offset) throws IOException {
        var buffer = segment.asByteBuffer();
        while (buffer.hasRemaining()) {
            channel.write(buffer, offset + buffer.position());
        }
        return offset + segment.byteSize();
    }

    private Top read(Window window) {
        try (var arena = Arena.ofConfined()) {
            var offset = window.number() * windowBytes();
            var indices = get(DType.I32, offset, arena);
            var values = get(DType.F16, offset + indices.bytes(), arena);
            return new Top(Tensors.from(indices, DType.I64), Tensors.from(values, DType.F32));
        } catch (IOException failure) {
            throw WorkFiles.failed(file, failure);
        }
    }

    private HostTensor get(DType dtype, long offset, Arena arena) throws IOException {
        var segment = arena.allocate(dtype.bytes((long) rows * top), 64);
        var buffer = segment.asByteBuffer();
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, offset + buffer.position()) < 0) {
                throw new IOException("the working file became shorter");
            }
        }
        return new HostTensor(dtype, Shape.of(rows, top), segment);
    }

    @Override
    public void close() {
        store.close();
        decoder.close();
        closeFile();
    }

    /// The file goes at once: what follows needs the room.
    private void closeFile() {
        try {
            channel.close();
            Files.deleteIfExists(file);
        } catch (IOException failure) {
            throw WorkFiles.failed(file, failure);
        }
    }
}
