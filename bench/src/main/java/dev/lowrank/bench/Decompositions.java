package dev.lowrank.bench;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// What decomposing a site mostly is, in F64, by order of the matrix: the spectrum falls as a weight's
/// does.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class Decompositions {
    /// Order of the square matrices.
    @Param({"64", "256", "576", "1536"})
    public int order = 64;

    private final TensorStore store = new TensorStore("the benchmark's matrices");
    private Tensor[] matrices = {};

    /// Makes a general and a positive definite matrix of seeded noise.
    @Setup(Level.Trial)
    public void fill() {
        matrices = TensorScope.tidy(() -> {
            var noise = Tensors.randn(1, DType.F64, order, order);
            var scale =
                    Tensors.arange(1, order + 1L, DType.F64).div(-order / 8.0).exp();
            var general = noise.mul(scale);
            var definite = general.matmul(general.t()).add(Tensors.eye(DType.F64, order));
            return new Tensor[] {store.keep(general), store.keep(definite)};
        });
    }

    /// Singular values and vectors by LAPACK.
    ///
    /// @return the largest singular value
    @Benchmark
    public double svd() {
        return TensorScope.tidy(() -> Linalg.svd(matrices[0]).s().max().item());
    }

    /// Singular values and vectors through the Gram matrix.
    ///
    /// @return the largest singular value
    @Benchmark
    public double gramSvd() {
        return TensorScope.tidy(() -> Linalg.gramSvd(matrices[0]).s().max().item());
    }

    /// Eigenvalues and vectors of a symmetric matrix.
    ///
    /// @return the largest eigenvalue
    @Benchmark
    public double eigh() {
        return TensorScope.tidy(() -> Linalg.eigh(matrices[1]).values().max().item());
    }

    /// The triangular root.
    ///
    /// @return its largest pivot
    @Benchmark
    public double cholesky() {
        return TensorScope.tidy(() -> {
            var root = Linalg.choleskyOrNull(matrices[1]);
            if (root == null) {
                throw new IllegalStateException("The benchmark's matrix is not positive definite");
            }
            return root.diagonal().max().item();
        });
    }

    /// Frees the matrices.
    @TearDown(Level.Trial)
    public void free() {
        store.close();
    }
}
