package dev.lowrank.model;

import dev.lowrank.model.kernel.KernelStart;
import dev.lowrank.model.kernel.Kernels;
import dev.lowrank.model.kernel.Panels;
import dev.lowrank.model.kernel.Reading;
import dev.lowrank.model.kernel.RowFunction;
import dev.lowrank.model.kernel.RowInput;
import dev.lowrank.model.kernel.SparseProduct;
import dev.lowrank.model.kernel.WorkerTeam;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.LargeMemory;
import java.lang.foreign.Arena;

/// What the parts of a [RowDecoder] compute with: kernels, the threads that share the work, a scratch for
/// each of them, and the memory that packed weights live in. Closing ends the threads and frees the memory.
final class RowTools implements AutoCloseable {
    private final KernelStart start;
    private final WorkerTeam team;
    private final Arena arena = Arena.ofShared();
    private final LargeMemory memory = new LargeMemory(arena);
    private final float[][] scratch;
    private long packedBytes;

    RowTools(Kernels kernels, int threads) {
        this(KernelStart.with(kernels), threads);
    }

    RowTools(KernelStart start, int threads) {
        this.start = start;
        team = WorkerTeam.of(threads);
        scratch = new float[threads][Kernels.SCRATCH];
    }

    /// What computes now; another one, with the same bits, may do so later.
    Kernels kernels() {
        return start.current();
    }

    /// How kernels come to be the fastest.
    KernelStart start() {
        return start;
    }

    /// Names the functions that a model's rows go through, so that these are made quick.
    void expect(DecoderSpec spec) {
        start.expect(
                switch (spec.norm().kind()) {
                    case RMS -> RowFunction.RMS_NORM;
                    case LAYER -> RowFunction.LAYER_NORM;
                });
        switch (spec.activation()) {
            case SILU -> start.expect(RowFunction.SILU);
            case GELU_TANH -> start.expect(RowFunction.GELU_TANH);
            case GELU, RELU -> {} // Plain loops in all kernels.
        }
        if (spec.blocks().stream().anyMatch(DecoderSpec.Block::gated)) {
            start.expect(RowFunction.MULTIPLY);
        }
    }

    WorkerTeam team() {
        return team;
    }

    /// What a thread may scribble on.
    float[] scratch(int worker) {
        return scratch[worker];
    }

    /// Packs a matrix for products and makes the scratches large enough for it.
    ///
    /// @param weight `[out, in]`; its memory is not read afterwards
    Panels pack(HostTensor weight) {
        var panels = Panels.pack(weight, start.fastest().lanes(), memory, team);
        start.expect(weight.dtype());
        var needed = start.scratch(panels);
        for (var i = 0; i < scratch.length; i++) {
            if (scratch[i].length < needed) {
                scratch[i] = new float[needed];
            }
        }
        packedBytes += panels.bytes();
        return panels;
    }

    /// Makes single entries ready for products.
    ///
    /// @param asked the matrix's rows in the order in which they will be asked for
    /// @param together so many at a time
    SparseProduct pack(SparseRows rows, int[] asked, int together) {
        var product = new SparseProduct(rows.values(), rows.columns(), rows.starts(), asked, together);
        packedBytes += product.bytes();
        return product;
    }

    /// Bytes of all matrices packed so far.
    long packedBytes() {
        return packedBytes;
    }

    /// How fast the team reads all matrices packed so far when it does nothing else, in bytes a second.
    double readBandwidth() {
        return new Reading(memory.allocated(), team).bytesPerSecond();
    }

    /// As many inputs as rows can run together.
    static RowInput[] inputs(int width) {
        var inputs = new RowInput[RowDecoder.MAX_ROWS];
        for (var i = 0; i < inputs.length; i++) {
            inputs[i] = new RowInput(width);
        }
        return inputs;
    }

    /// Does something for each row: on the caller alone where there is one, else shared.
    void each(int rows, WorkerTeam.Task task) {
        if (rows == 1) {
            task.run(0, 0);
        } else {
            team.run(task, rows);
        }
    }

    @Override
    public void close() {
        team.close();
        arena.close();
    }
}
