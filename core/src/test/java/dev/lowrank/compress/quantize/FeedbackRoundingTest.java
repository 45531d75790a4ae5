package dev.lowrank.compress.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.tensor.BlockGrid;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.tensor.TypeConversion;
import dev.lowrank.testing.NoNativeLeaks;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Rounding with errors passed on, against rounding one by one and against the same written down plainly.
@NoNativeLeaks
class FeedbackRoundingTest {
    static List<DType> types() {
        return Quantization.types();
    }

    @ParameterizedTest
    @MethodSource("types")
    void losesLessThanRoundingOneByOneWhereInputsAreCorrelated(DType type) {
        TensorScope.tidyRun(() -> {
            for (var seed = 0; seed < 3; seed++) {
                var weight = Tensors.randn(seed, DType.F64, 24, 512);
                var moment = correlated(seed, 512);
                var metric = RoundingMetric.of(moment, "inputs");
                var passed = new FeedbackRounding(metric, type).round(weight, Arena.ofAuto());
                var nearest = TypeConversion.convert(host(weight), type, "weight", Arena.ofAuto());
                assertThat(cost(metric, weight, passed))
                        .as("%s, seed %d", type, seed)
                        .isLessThan(0.8 * cost(metric, weight, nearest));
            }
        });
    }

    @ParameterizedTest
    @MethodSource("types")
    void isRoundingOneByOneWhereInputsAreIndependent(DType type) {
        TensorScope.tidyRun(() -> {
            var weight = Tensors.randn(5, DType.F64, 8, 512);
            var metric = RoundingMetric.of(Tensors.eye(DType.F64, 512), "inputs");
            var passed = new FeedbackRounding(metric, type).round(weight, Arena.ofAuto());
            var nearest = TypeConversion.convert(host(weight), type, "weight", Arena.ofAuto());
            // Scales are the same; the codes may differ where two values are equally near, or where the
            // quantiser rounds by the scale before it became a half.
            assertThat(cost(metric, weight, passed)).isLessThanOrEqualTo(cost(metric, weight, nearest) * 1.0001);
        });
    }

    @ParameterizedTest
    @MethodSource("types")
    void isWhatTheAlgorithmSaysWrittenDownPlainly(DType type) {
        TensorScope.tidyRun(() -> {
            var weight = Tensors.randn(11, DType.F64, 3, 256);
            var moment = correlated(4, 256);
            var metric = RoundingMetric.of(moment, "inputs");
            var passed = new FeedbackRounding(metric, type)
                    .round(weight, Arena.ofAuto())
                    .toFloats();
            var expected = oracle(weight.toDoubles(), 3, 256, damped(moment.toDoubles(), 256), type);
            for (var i = 0; i < expected.length; i++) {
                assertThat((double) passed[i]).as("weight %d", i).isCloseTo(expected[i], within(1e-5));
            }
        });
    }

    @ParameterizedTest
    @MethodSource("types")
    void aBlockDecodesToTheValuesThatWereChosen(DType type) {
        TensorScope.tidyRun(() -> {
            var weights = Tensors.randn(2, DType.F32, type.blockWeights()).toFloats();
            var grid = new BlockGrid(type);
            var block = Arena.ofAuto().allocate(type.blockBytes());
            grid.fit(weights, 0, block, 0);
            var chosen = new double[weights.length];
            for (var i = 0; i < weights.length; i++) {
                chosen[i] = grid.round(i, 0.3 * weights[i] + 0.1);
            }
            grid.write(block, 0);
            var decoded = new HostTensor(type, Shape.of(weights.length), block).toFloats();
            for (var i = 0; i < weights.length; i++) {
                assertThat((double) decoded[i]).isCloseTo(chosen[i], within(1e-6));
            }
        });
    }

    /// One weight after the other: round it, and solve for what the weights behind it must become so that
    /// the output changes least, with the inverse of what is left of the moment (optimal brain surgeon).
    private static double[] oracle(double[] weight, int rows, int n, double[][] moment, DType type) {
        var result = new double[rows * n];
        for (var row = 0; row < rows; row++) {
            var w = new double[n];
            System.arraycopy(weight, row * n, w, 0, n);
            var inverse = inverse(moment);
            var grid = new BlockGrid(type);
            var block = MemorySegment.ofArray(new byte[type.blockBytes()]);
            for (var j = 0; j < n; j++) {
                var place = j % type.blockWeights();
                if (place == 0) {
                    var floats = new float[type.blockWeights()];
                    for (var i = 0; i < floats.length; i++) {
                        floats[i] = (float) w[j + i];
                    }
                    grid.fit(floats, 0, block, 0);
                }
                var rounded = grid.round(place, w[j]);
                result[row * n + j] = rounded;
                var error = (w[j] - rounded) / inverse[j][j];
                for (var k = j; k < n; k++) {
                    w[k] -= error * inverse[j][k];
                }
                // The inverse without channel j.
                var pivot = inverse[j].clone();
                for (var a = j; a < n; a++) {
                    var factor = pivot[a] / pivot[j];
                    for (var b = j; b < n; b++) {
                        inverse[a][b] -= factor * pivot[b];
                    }
                }
            }
        }
        return result;
    }

    private static double[][] damped(double[] moment, int n) {
        var mean = 0.0;
        for (var i = 0; i < n; i++) {
            mean += moment[i * n + i] / n;
        }
        var damped = new double[n][n];
        for (var i = 0; i < n; i++) {
            for (var j = 0; j < n; j++) {
                damped[i][j] = moment[i * n + j] + (i == j ? RoundingMetric.DAMPING * mean : 0);
            }
        }
        return damped;
    }

    /// Gauss-Jordan.
    private static double[][] inverse(double[][] matrix) {
        var n = matrix.length;
        var left = new double[n][];
        var right = new double[n][n];
        for (var i = 0; i < n; i++) {
            left[i] = matrix[i].clone();
            right[i][i] = 1;
        }
        for (var j = 0; j < n; j++) {
            var pivot = left[j][j];
            for (var k = 0; k < n; k++) {
                left[j][k] /= pivot;
                right[j][k] /= pivot;
            }
            for (var i = 0; i < n; i++) {
                var factor = left[i][j];
                for (var k = 0; k < n && i != j; k++) {
                    left[i][k] -= factor * left[j][k];
                    right[i][k] -= factor * right[j][k];
                }
            }
        }
        return right;
    }

    private static double cost(RoundingMetric metric, Tensor weight, HostTensor rounded) {
        return metric.cost(weight.sub(Tensors.from(rounded, DType.F64)));
    }

    /// The second moment of few independent sources that many channels share.
    static Tensor correlated(long seed, int n) {
        var mix = Tensors.randn(seed + 100, DType.F64, n, n / 8);
        return mix.matmul(mix.t()).add(Tensors.eye(DType.F64, n).mul(0.5));
    }

    private static HostTensor host(Tensor tensor) {
        return tensor.toHost(DType.F64, Arena.ofAuto());
    }
}
