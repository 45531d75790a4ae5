package dev.lowrank.compress.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.compress.storage.SiteWriter;
import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.Linalg.Side;
import dev.lowrank.tensor.Linalg.Transposition;
import dev.lowrank.tensor.Linalg.Triangle;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.testing.NoNativeLeaks;
import org.assertj.core.data.Offset;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The six-way identity of compression.md, section 1: Cholesky whitening, eigenvalue whitening, AFM
/// uncentred and our two routes lose the same and exactly the dropped tail; the affine optimum loses less,
/// centring without its bias loses more than not centring.
@NoNativeLeaks
class IdentityTest {
    /// The statistics are F32 within a batch.
    private static final double RELATIVE = 2e-5;

    @ParameterizedTest
    @CsvSource({"24, 40, 9", "40, 24, 9", "32, 32, 5"})
    void sixWaysLoseTheSame(int out, int in, int rank) {
        TensorScope.tidyRun(() -> {
            try (var sample = SiteSample.of(out, in, 600, 7)) {
                var weight = sample.weight();
                var gram = sample.inputs().t().matmul(sample.inputs());
                var tail = tail(weight, gram, rank);
                var ours = sample.outputError(Methods.site("svd-llm", MethodOptions.DEFAULT)
                        .decompose(sample.problem())
                        .leading(rank));
                var uncentred = sample.outputError(Methods.site("lord", MethodOptions.DEFAULT.withCentred(false))
                        .decompose(sample.problem())
                        .leading(rank));
                assertThat(sample.outputError(cholesky(weight, gram, rank))).isCloseTo(tail, near(tail));
                assertThat(sample.outputError(eigenWhitening(weight, gram, rank)))
                        .isCloseTo(tail, near(tail));
                assertThat(sample.outputError(outputPrincipal(weight, gram, rank)))
                        .isCloseTo(tail, near(tail));
                assertThat(ours).isCloseTo(tail, near(tail));
                assertThat(uncentred).isCloseTo(tail, near(tail));
            }
        });
    }

    @ParameterizedTest
    @CsvSource({"24, 40, 9", "40, 24, 9"})
    void centringHelpsOnlyWithItsBias(int out, int in, int rank) {
        TensorScope.tidyRun(() -> {
            try (var sample = SiteSample.of(out, in, 600, 7)) {
                var whitened = sample.outputError(Methods.site("svd-llm", MethodOptions.DEFAULT)
                        .decompose(sample.problem())
                        .leading(rank));
                var centred = Methods.site("lord", MethodOptions.DEFAULT).decompose(sample.problem());
                var factors = centred.leading(rank);
                var mean = sample.measured().requireMean();
                var bias = SiteWriter.restoringBias(null, sample.weight(), factors, mean);
                assertThat(sample.outputError(factors, bias)).isLessThan(whitened);
                assertThat(sample.outputError(factors)).isGreaterThan(whitened);
                var singular = centred.singular().toDoubles();
                var expected = 0.0;
                for (var i = rank; i < singular.length; i++) {
                    expected += singular[i] * singular[i];
                }
                var affine = sample.outputError(factors, bias);
                assertThat(affine).isCloseTo(Math.sqrt(expected), within(Math.sqrt(expected) * RELATIVE * 10));
            }
        });
    }

    @ParameterizedTest
    @CsvSource({"24, 40, 9", "40, 24, 9"})
    void dataBlindMethodsLoseMore(int out, int in, int rank) {
        TensorScope.tidyRun(() -> {
            try (var sample = SiteSample.of(out, in, 600, 7)) {
                var whitened = sample.outputError(Methods.site("svd-llm", MethodOptions.DEFAULT)
                        .decompose(sample.problem())
                        .leading(rank));
                for (var id : new String[] {"svd", "asvd", "tucker"}) {
                    var method = Methods.site(id, MethodOptions.DEFAULT);
                    var factors = method.cut(method.decompose(sample.problem()), rank);
                    assertThat(sample.outputError(factors)).as(id).isGreaterThan(whitened);
                }
            }
        });
    }

    private static Offset<Double> near(double value) {
        return within(value * RELATIVE);
    }

    private static double tail(Tensor weight, Tensor gram, int rank) {
        var whole = Linalg.svd(weight.matmul(require(Linalg.choleskyOrNull(gram))))
                .s()
                .toDoubles();
        var sum = 0.0;
        for (var i = rank; i < whole.length; i++) {
            sum += whole[i] * whole[i];
        }
        return Math.sqrt(sum);
    }

    /// SVD-LLM as published: `B = U Σ`, `A = Vᵀ S⁻¹`.
    private static Factors cholesky(Tensor weight, Tensor gram, int rank) {
        var s = require(Linalg.choleskyOrNull(gram));
        var svd = Linalg.svd(weight.matmul(s));
        var vt = svd.vt().narrow(0, 0, rank);
        var a = Linalg.solveTriangular(s, vt, Triangle.LOWER, Side.RIGHT, Transposition.NONE);
        return new Factors(svd.u().narrow(1, 0, rank).mul(svd.s().narrow(0, 0, rank)), null, a);
    }

    /// SVD-LLM v2's whitening by eigenvalues.
    private static Factors eigenWhitening(Tensor weight, Tensor gram, int rank) {
        var eigen = Linalg.eigh(gram);
        var root = eigen.values().clampMin(0).sqrt();
        var svd = Linalg.svd(weight.matmul(eigen.vectors().mul(root)));
        var inverse = eigen.vectors().mul(root.pow(-1)).t();
        var a = svd.vt().narrow(0, 0, rank).matmul(inverse);
        return new Factors(svd.u().narrow(1, 0, rank).mul(svd.s().narrow(0, 0, rank)), null, a);
    }

    /// AFM uncentred: principal components of the outputs.
    private static Factors outputPrincipal(Tensor weight, Tensor gram, int rank) {
        var q = Linalg.eigh(weight.matmul(gram).matmul(weight.t())).vectors().narrow(1, 0, rank);
        return new Factors(q, null, q.t().matmul(weight));
    }

    private static Tensor require(Tensor factor) {
        assertThat(factor).isNotNull();
        return factor;
    }
}
