package dev.lowrank.model.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.sun.management.ThreadMXBean;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.LargeMemory;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.SplittableRandom;

/// Products with one packed matrix, and what must hold of them for every kind of weights.
record PanelProducts(Kernels kernels, HostTensor tensor, Panels panels) {
    /// Nanoseconds that the compiler may take, on a busy machine too.
    private static final long PATIENCE = 30_000_000_000L;

    private static final int TIMES = 100;

    static PanelProducts of(Kernels kernels, HostTensor tensor) {
        try (var team = WorkerTeam.of(1)) {
            var memory = new LargeMemory(Arena.ofAuto());
            return new PanelProducts(kernels, tensor, Panels.pack(tensor, kernels.lanes(), memory, team));
        }
    }

    /// All rows at once.
    float[] with(RowInput x) {
        var y = new float[panels.rows()];
        kernels.prepare(x, panels);
        run(0, panels.count(), x, y, 0);
        return y;
    }

    private void run(int first, int count, RowInput x, float[] y, int offset) {
        var scratch = new float[kernels.scratch(panels)];
        kernels.products(panels, first, count, new RowInput[] {x}, 0, 1, new float[][] {y}, offset, scratch);
    }

    /// @param tolerance relative to the sum of the magnitudes of a row's terms
    void equalAPlainLoopInDouble(SplittableRandom random, double tolerance) {
        var x = KernelsTest.vector(random, panels.columns());
        kernels.prepare(x, panels);
        var lanes = panels.lanes();
        var y = new float[panels.rows() + 9];
        run(1, panels.count() - 1, x, y, 5);
        for (var row = lanes; row < panels.rows(); row++) {
            var sum = 0.0;
            var size = 0.0;
            for (var j = 0; j < panels.columns(); j++) {
                var term = tensor.get((long) row * panels.columns() + j) * x.values()[j];
                sum += term;
                size += Math.abs(term);
            }
            assertThat((double) y[5 + row]).isCloseTo(sum, within(tolerance * size + Float.MIN_NORMAL));
        }
        assertThat(y[5 + lanes - 1]).isZero();
        assertThat(y[5 + panels.rows()]).isZero();
    }

    void haveTheSameBitsInAnyRangeAndAmongOthers(SplittableRandom random) {
        var x = KernelsTest.vector(random, panels.columns());
        var whole = with(x);
        for (var length : new int[] {1, 2, 3, 4, 5, 7}) {
            var parts = new float[panels.rows()];
            for (var first = 0; first < panels.count(); first += length) {
                run(first, Math.min(length, panels.count() - first), x, parts, 0);
            }
            assertThat(parts).containsExactly(whole);
        }
        var inputs = new RowInput[Kernels.MAX_ROWS + 1];
        for (var i = 0; i < inputs.length; i++) {
            inputs[i] = i == 3 ? x : KernelsTest.vector(random, panels.columns());
        }
        for (var rows : new int[] {2, 3, 4, 5, 7, 8, 13, Kernels.MAX_ROWS}) {
            var outputs = withAllButTheFirst(inputs, rows);
            assertThat(outputs[0]).containsOnly(0f);
            for (var i = 1; i <= rows; i++) {
                assertThat(outputs[i]).containsExactly(with(inputs[i]));
            }
        }
    }

    /// All rows of the matrix with some inputs.
    float[][] withAllButTheFirst(RowInput[] inputs, int rows) {
        var outputs = new float[inputs.length][panels.rows()];
        for (var input : inputs) {
            kernels.prepare(input, panels);
        }
        kernels.products(panels, 0, panels.count(), inputs, 1, rows, outputs, 0, new float[kernels.scratch(panels)]);
        return outputs;
    }

    void haveTheSameBitsWhenTheCodeIsCompiled(SplittableRandom random, int times) {
        var x = KernelsTest.vector(random, panels.columns());
        var first = with(x);
        var later = first;
        for (var i = 0; i < times; i++) {
            later = with(x);
        }
        assertThat(later).containsExactly(first);
    }

    /// Vectors that do not stay in registers are objects, so this is about speed too.
    void allocateNothingOnceCompiled(SplittableRandom random) {
        var inputs = new RowInput[Kernels.ROWS];
        var outputs = new float[Kernels.ROWS][panels.rows()];
        for (var i = 0; i < inputs.length; i++) {
            inputs[i] = KernelsTest.vector(random, panels.columns());
            kernels.prepare(inputs[i], panels);
        }
        var scratch = new float[kernels.scratch(panels)];
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        var deadline = System.nanoTime() + PATIENCE;
        var allocated = Long.MAX_VALUE;
        while (allocated > 0 && System.nanoTime() < deadline) {
            var before = threads.getCurrentThreadAllocatedBytes();
            for (var i = 0; i < TIMES; i++) {
                kernels.products(panels, 0, panels.count(), inputs, 0, 1, outputs, 0, scratch);
                kernels.products(panels, 0, panels.count(), inputs, 0, Kernels.ROWS, outputs, 0, scratch);
            }
            allocated = threads.getCurrentThreadAllocatedBytes() - before;
        }
        assertThat(allocated).isZero();
    }
}
