package dev.lowrank.compress;

import dev.lowrank.checkpoint.SafetensorsWriter;
import dev.lowrank.compress.method.StreamAxes;
import dev.lowrank.compress.storage.SiteWriter;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Finite;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.function.Function;

/// What a model with a rotated stream stores outside its linears: embedding, head and norms, in one working
/// file. A table is rotated some rows at a time; one of them is in memory at once, in the type it is
/// written in.
final class StreamTables {
    /// The working file.
    static final String FILE = ".work/tables.safetensors";

    /// Rows rotated at once.
    private static final int ROWS = 1024;

    private final LanguageModel source;
    private final JobState job;
    private final StreamAxes axes;
    private final DecoderSpec written;

    StreamTables(LanguageModel source, JobState job, StreamAxes axes) {
        this.source = source;
        this.job = job;
        this.axes = axes;
        this.written = job.blueprint().spec();
    }

    private record Entry(SafetensorsWriter.Entry head, Function<Arena, HostTensor> values) {}

    /// Writes the file.
    ///
    /// @throws dev.lowrank.tensor.NumericalException naming the tensor that is not finite or does not fit
    ///     into
    ///     the type it is written in
    void write() {
        var entries = entries();
        try (var writer =
                job.folder.safetensors(FILE, entries.stream().map(Entry::head).toList())) {
            for (var entry : entries) {
                try (var arena = Arena.ofShared()) {
                    writer.write(entry.head().name(), entry.values().apply(arena));
                }
            }
            writer.finish();
        }
    }

    private ArrayList<Entry> entries() {
        var spec = source.spec();
        var type = CompressionPlan.embeddingType(source, job.recipe());
        var entries = new ArrayList<Entry>();
        entries.add(table(written.embedding(), type, source.weights().embedding(), rows -> rows));
        if (written.tied()) {
            // Exact only in F32: the gain is no round number, and no linear behind this norm can take it.
            var scale = source.weights().scale(spec.finalNorm()).get(0) * axes.gain();
            entries.add(norm(written.finalNorm(), DType.F32, scale));
        } else {
            entries.add(table(
                    written.head(),
                    type,
                    source.weights().head(),
                    rows -> rows.mul(scale(spec.finalNorm())).mul(axes.gain())));
            entries.add(norm(written.finalNorm(), type(spec.finalNorm()), 1));
        }
        for (var block : written.blocks()) {
            entries.add(norm(block.attentionNorm(), type(block.attentionNorm()), 1));
            entries.add(norm(block.mlpNorm(), type(block.mlpNorm()), 1));
        }
        return entries;
    }

    private DType type(String norm) {
        return source.checkpoint().info(norm + ".weight").dtype();
    }

    /// A norm's weight, F64 `[hidden]`, in the innermost scope.
    private Tensor scale(String norm) {
        return SiteWriter.exact(source.weights().scale(norm), norm + ".weight");
    }

    private Entry norm(String name, DType type, double value) {
        var head = new SafetensorsWriter.Entry(name + ".weight", type, Shape.of(written.hiddenSize()));
        return new Entry(
                head,
                arena -> TensorScope.tidy(() ->
                        Tensors.full(value, DType.F64, written.hiddenSize()).toHost(type, arena)));
    }

    /// @param prepare what becomes of rows, F64 `[count, hidden]`, before they are rotated
    private Entry table(String name, DType type, HostTensor table, Function<Tensor, Tensor> prepare) {
        var shape = Shape.of(written.vocabSize(), written.hiddenSize());
        return new Entry(new SafetensorsWriter.Entry(name + ".weight", type, shape), arena -> {
            var target = arena.allocate(type.bytes(shape.elements()), 64);
            var chunks = Math.ceilDiv(written.vocabSize(), ROWS);
            Compute.each(chunks, chunk -> {
                var first = chunk * ROWS;
                var count = Math.min(ROWS, written.vocabSize() - first);
                var values = new float[Math.multiplyExact(count, source.spec().hiddenSize())];
                table.copyFloats((long) first * source.spec().hiddenSize(), values.length, values, 0);
                TensorScope.tidyRun(() -> {
                    var rows = Tensors.ofFloats(values, count, source.spec().hiddenSize());
                    var turned = axes.rows(prepare.apply(rows.to(DType.F64)));
                    store(turned, name + ".weight", type, target, (long) first * written.hiddenSize());
                });
            });
            table.release();
            return new HostTensor(type, shape, target);
        });
    }

    private static void store(Tensor rows, String name, DType type, MemorySegment target, long first) {
        var rounded = Finite.check(rows, name + ", rotated").to(type);
        Finite.check(rounded, name + ", rotated and rounded to " + type);
        try (var arena = Arena.ofConfined()) {
            var host = rounded.toHost(type, arena);
            MemorySegment.copy(host.data(), 0, target, type.bytes(first), host.bytes());
        }
    }
}
