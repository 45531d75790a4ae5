package dev.lowrank.bench;

import dev.lowrank.model.kernel.Kernels;
import dev.lowrank.model.kernel.Panels;
import dev.lowrank.model.kernel.RowInput;
import dev.lowrank.model.kernel.WorkerTeam;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.LargeMemory;
import dev.lowrank.tensor.Shape;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// What decoding one token mostly is: `y = W x` on one thread, by element type and shape.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class RowProducts {
    /// How the weights are stored.
    @Param({"F32", "BF16", "F16"})
    public DType dtype = DType.F32;

    /// `OUTxIN`: a factor, an attention projection, an MLP projection and a head of a small model.
    @Param({"128x576", "576x576", "1536x576", "49152x576"})
    public String shape = "576x576";

    private final Kernels kernels = Kernels.best();
    private final Arena arena = Arena.ofShared();
    private RowInput[] x = new RowInput[0];
    private Panels w = matrix(0, 0);
    private float[] scratch = new float[0];
    private float[][] y = new float[0][];

    /// Makes a matrix and a row of seeded noise.
    @Setup
    public void fill() {
        var sizes = shape.split("x", -1);
        var columns = Integer.parseInt(sizes[1]);
        w = matrix(Integer.parseInt(sizes[0]), columns);
        y = new float[1][w.rows()];
        scratch = new float[kernels.scratch(w)];
        x = new RowInput[] {new RowInput(columns)};
        var random = new SplittableRandom(1);
        for (var i = 0; i < columns; i++) {
            x[0].values()[i] = (float) random.nextGaussian();
        }
        kernels.prepare(x[0], w);
    }

    /// @return the product, so that nothing is left out
    @Benchmark
    public float[] product() {
        kernels.products(w, 0, w.count(), x, 0, 1, y, 0, scratch);
        return y[0];
    }

    /// Frees the matrix.
    @TearDown
    public void free() {
        arena.close();
    }

    private Panels matrix(int rows, int columns) {
        var random = new SplittableRandom(2);
        var data = arena.allocate((long) rows * columns * dtype.bytes(), 64);
        for (var i = 0L; i < (long) rows * columns; i++) {
            var value = (float) (random.nextGaussian() / 32);
            switch (dtype) {
                case F32 -> data.set(HostTensor.FLOAT, i * 4, value);
                case BF16 -> data.set(HostTensor.SHORT, i * 2, (short) (Float.floatToRawIntBits(value) >>> 16));
                case F16 -> data.set(HostTensor.SHORT, i * 2, Float.floatToFloat16(value));
                default -> throw new IllegalStateException("No kernel multiplies " + dtype + " as it is stored");
            }
        }
        try (var team = WorkerTeam.of(1)) {
            var tensor = new HostTensor(dtype, Shape.of(rows, columns), data);
            return Panels.pack(tensor, kernels.lanes(), new LargeMemory(arena), team);
        }
    }
}
