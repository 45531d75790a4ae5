package dev.lowrank.model.kernel;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.LargeMemory;
import dev.lowrank.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/// Small problems that make the compiler compile kernels: short, because it counts calls, and with every
/// way through the code, because a way that it has not seen is left out of the compiled code.
final class KernelExercise implements AutoCloseable {
    /// Loops a call, so that the compiler is interested after some hundred calls.
    private static final int COLUMNS = 32;

    private static final int BLOCK_COLUMNS = 64;
    private static final int HEAD_WIDTH = 80;
    /// A vector that is compiled is no slower than plain loops, one that is not at least ten times.
    private static final int MARGIN = 3;

    private static final int PLAIN_CALLS = 30;
    /// What is not compiled by then is compiled in use, or never: a JVM may have no compiler.
    private static final long PATIENCE_NANOS = 3_000_000_000L;

    /// Shared as the memory of a decoder is; compiled code knows the difference.
    private final Arena arena = Arena.ofShared();

    private final List<Consumer<Kernels>> tasks = new ArrayList<>();

    /// @param types of the weights of products
    /// @param functions of rows
    /// @param lanes of the weights' panels
    /// @param cacheType of keys and values
    KernelExercise(Collection<DType> types, Collection<RowFunction> functions, int lanes, DType cacheType) {
        try (var team = WorkerTeam.of(1)) {
            var memory = new LargeMemory(arena);
            for (var type : types) {
                addProducts(weights(type, lanes, memory, team));
            }
        }
        addAttention(cacheType, arena.allocate(cacheType.bytes(Kernels.KEY_GROUP * HEAD_WIDTH), 64));
        addFunctions(functions);
    }

    /// Zeros, a panel more than run together.
    private static Panels weights(DType type, int lanes, LargeMemory memory, WorkerTeam team) {
        var columns = type.isBlocks() ? Math.max(BLOCK_COLUMNS, type.blockWeights()) : COLUMNS;
        var shape = Shape.of(5 * lanes - 1, columns);
        var data = Arena.ofAuto().allocate(type.bytes(shape.elements()), 8);
        return Panels.pack(new HostTensor(type, shape, data), lanes, memory, team);
    }

    private void addProducts(Panels w) {
        var x = new RowInput[Kernels.ROWS];
        Arrays.setAll(x, i -> new RowInput(w.columns()));
        Stream.of(x).forEach(row -> row.expect(w));
        var y = new float[Kernels.ROWS][w.rows()];
        for (var rows : new int[] {1, Kernels.ROWS}) {
            tasks.add(kernels -> kernels.products(w, 0, w.count(), x, 0, rows, y, 0, new float[kernels.scratch(w)]));
        }
    }

    private void addAttention(DType type, MemorySegment cache) {
        var scratch = new float[Kernels.SCRATCH];
        var p = new float[Kernels.KEY_GROUP];
        var y = new float[HEAD_WIDTH];
        var result = new float[2];
        tasks.add(kernels -> kernels.scores(type, cache, 0, HEAD_WIDTH, y, 0, p, 0, scratch));
        tasks.add(kernels -> {
            kernels.expShifted(p, 0, p.length, 1, result, 0, scratch);
            kernels.expShifted(p, 0, p.length / 2 + 1, 1, result, 0, scratch);
        });
        tasks.add(kernels -> {
            kernels.mix(type, cache, 0, Kernels.KEY_GROUP / 2, HEAD_WIDTH, p, 0, y, 0, scratch);
            kernels.mix(type, cache, 0, Kernels.KEY_GROUP / 2 + 1, HEAD_WIDTH, p, 0, y, 0, scratch);
        });
    }

    private void addFunctions(Collection<RowFunction> functions) {
        var scratch = new float[Kernels.SCRATCH];
        var x = new float[Kernels.KEY_GROUP * 4];
        var y = x.clone();
        Arrays.fill(x, 1);
        tasks.add(kernels -> kernels.add(y, x));
        for (var function : functions) {
            tasks.add(
                    switch (function) {
                        case RMS_NORM -> kernels -> kernels.rmsNorm(x, x, 1, y, scratch);
                        case LAYER_NORM -> kernels -> kernels.layerNorm(x, x, x, 1, y, scratch);
                        case MULTIPLY -> kernels -> kernels.multiply(y, x);
                        case SILU -> kernels -> kernels.silu(y);
                        case GELU_TANH -> kernels -> kernels.geluTanh(y);
                    });
        }
    }

    /// Repeats every task until kernels are quick at it. They take turns: while the compiler is at one, the
    /// others are called.
    ///
    /// @param plain what they are compared with
    void repeat(Kernels kernels, Kernels plain) {
        var end = System.nanoTime() + PATIENCE_NANOS;
        var pending = new ArrayList<Pending>();
        for (var task : tasks) {
            pending.add(Pending.of(task, plain));
        }
        while (!pending.isEmpty() && System.nanoTime() - end < 0) {
            pending.removeIf(each -> nanos(each.task(), kernels) <= each.enough());
        }
    }

    /// A task that kernels are still slow at.
    ///
    /// @param enough nanoseconds that are not slow
    private record Pending(Consumer<Kernels> task, long enough) {
        static Pending of(Consumer<Kernels> task, Kernels plain) {
            var enough = Long.MAX_VALUE;
            for (var i = 0; i < PLAIN_CALLS; i++) {
                enough = Math.min(enough, MARGIN * nanos(task, plain));
            }
            return new Pending(task, enough);
        }
    }

    /// Frees the problems.
    @Override
    public void close() {
        arena.close();
    }

    private static long nanos(Consumer<Kernels> task, Kernels kernels) {
        var start = System.nanoTime();
        task.accept(kernels);
        return System.nanoTime() - start;
    }
}
