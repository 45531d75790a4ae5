package dev.lowrank.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.model.kernel.Kernels;
import dev.lowrank.model.kernel.RowInput;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class RowStepTest {
    /// Products of up to three matrices in F32 against F64, values around 1.
    private static final double F32_CHAIN = 2e-5;

    private static final int IN = 70;
    private static final int OUT = 53;
    private static final int RANK = 19;

    static Stream<Arguments> forms() {
        var cases = new ArrayList<Arguments>();
        for (var dtype : List.of(DType.F32, DType.BF16, DType.F16, DType.F64)) {
            for (var threads : List.of(1, 3)) {
                for (var biased : List.of(true, false)) {
                    var random = new SplittableRandom(11);
                    var bias = biased ? vector(random, OUT) : null;
                    for (var linear : linears(dtype, random, bias)) {
                        cases.add(Arguments.of(linear, threads));
                    }
                }
            }
        }
        return cases.stream();
    }

    private static List<Linear> linears(DType dtype, SplittableRandom random, @Nullable HostTensor bias) {
        var bases = List.of(
                new Linear.Dense(SyntheticModel.random(dtype, random, OUT, IN), bias),
                new Linear.Factored(
                        SyntheticModel.random(dtype, random, RANK, IN),
                        SyntheticModel.random(dtype, random, OUT, RANK),
                        bias),
                new Linear.Tucker(
                        SyntheticModel.random(dtype, random, RANK, IN),
                        SyntheticModel.random(dtype, random, RANK, RANK),
                        SyntheticModel.random(dtype, random, OUT, RANK),
                        bias),
                pivoted(dtype, random, RANK, bias),
                pivoted(dtype, random, OUT, bias));
        return Stream.concat(bases.stream(), bases.stream().map(base -> beside(base, dtype, random)))
                .toList();
    }

    /// Some entries of each row but the first and the last, among them those at its ends.
    private static Linear beside(Linear.Base base, DType dtype, SplittableRandom random) {
        var places = new ArrayList<Long>();
        for (var row = 1; row < OUT - 1; row++) {
            for (var column = 0; column < IN; column += 1 + random.nextInt(IN - 1)) {
                places.add((long) row * IN + column);
            }
            places.add(row * (long) IN + IN - 1);
        }
        var kept = places.stream().mapToLong(Long::longValue).distinct().toArray();
        var made = SyntheticModel.random(dtype, random, 1, kept.length);
        var values = new HostTensor(dtype, Shape.of(kept.length), made.data());
        return new Linear.SparsePlusLowRank(base, SparseRows.of(Shape.of(OUT, IN), kept, values, Arena.ofAuto()));
    }

    private static Linear.Pivoted pivoted(DType dtype, SplittableRandom random, int rank, @Nullable HostTensor bias) {
        var index = new int[OUT];
        for (var i = 0; i < OUT; i++) {
            var other = random.nextInt(i + 1);
            index[i] = index[other];
            index[other] = i;
        }
        return new Linear.Pivoted(
                SyntheticModel.random(dtype, random, rank, IN),
                SyntheticModel.random(dtype, random, OUT - rank, rank),
                HostTensor.ofInts(index, OUT),
                bias);
    }

    private static HostTensor vector(SplittableRandom random, int length) {
        var values = new float[length];
        for (var i = 0; i < length; i++) {
            values[i] = (float) random.nextDouble(-1, 1);
        }
        return HostTensor.ofFloats(values, length);
    }

    @ParameterizedTest
    @MethodSource("forms")
    void everyFormEqualsItsDenseProduct(Linear linear, int threads) {
        for (var rows : new int[] {1, 2, 4, 7}) {
            var x = inputs(rows);
            var y = RowBatch.rows(OUT + 7);
            try (var tools = new RowTools(Kernels.best(), threads)) {
                var steps = RowStep.plan(tools, List.of(new RowStep.Target(linear, x, y, 4)));
                // Twice, so that nothing is added up from the last token.
                steps.forEach(step -> step.run(rows));
                steps.forEach(step -> step.run(rows));
            }
            for (var row = 0; row < rows; row++) {
                var expected = dense(linear, x[row].values());
                for (var i = 0; i < OUT; i++) {
                    assertThat((double) y[row][4 + i]).isCloseTo(expected[i], within(F32_CHAIN));
                }
                assertThat(List.of(y[row][0], y[row][3], y[row][OUT + 4], y[row][OUT + 6]))
                        .containsOnly(0f);
            }
        }
    }

    private static RowInput[] inputs(int rows) {
        var inputs = RowTools.inputs(IN);
        for (var row = 0; row < rows; row++) {
            var values = vector(new SplittableRandom(3 + row), IN).toFloats();
            System.arraycopy(values, 0, inputs[row].values(), 0, IN);
        }
        return inputs;
    }

    private static double[] dense(Linear linear, float[] x) {
        var input = new double[IN];
        for (var i = 0; i < IN; i++) {
            input[i] = x[i];
        }
        if (linear instanceof Linear.SparsePlusLowRank(var base, var sparse)) {
            var y = dense(base, x);
            for (var row = 0; row < OUT; row++) {
                for (var i = (int) sparse.starts().get(row); i < sparse.starts().get(row + 1); i++) {
                    y[row] += sparse.values().get(i) * x[(int) sparse.columns().get(i)];
                }
            }
            return y;
        }
        var y = switch ((Linear.Base) linear) {
            case Linear.Dense dense -> times(dense.weight(), input);
            case Linear.Factored factored -> times(factored.b(), times(factored.a(), input));
            case Linear.Tucker tucker -> times(tucker.b(), times(tucker.core(), times(tucker.a(), input)));
            case Linear.Pivoted pivoted -> {
                var z = times(pivoted.pivot(), input);
                var rest = times(pivoted.rest(), z);
                var gathered = new double[OUT];
                for (var i = 0; i < OUT; i++) {
                    var row = (int) pivoted.index().get(i);
                    gathered[i] = row < z.length ? z[row] : rest[row - z.length];
                }
                yield gathered;
            }
        };
        for (var i = 0; i < y.length && linear.bias() != null; i++) {
            y[i] += linear.bias().get(i);
        }
        return y;
    }

    private static double[] times(HostTensor matrix, double[] x) {
        var y = new double[(int) matrix.shape().size(0)];
        for (var i = 0; i < y.length; i++) {
            for (var j = 0; j < x.length; j++) {
                y[i] += matrix.get((long) i * x.length + j) * x[j];
            }
        }
        return y;
    }

    @Test
    void linearsOfDifferentFormsShareTheirSteps() {
        var random = new SplittableRandom(2);
        var x = inputs(1);
        var linears = linears(DType.BF16, random, null);
        var y = RowBatch.rows(OUT * linears.size());
        var targets = new ArrayList<RowStep.Target>();
        for (var i = 0; i < linears.size(); i++) {
            targets.add(new RowStep.Target(linears.get(i), x, y, i * OUT));
        }
        try (var tools = new RowTools(Kernels.best(), 2)) {
            var steps = RowStep.plan(tools, targets);
            assertThat(steps).hasSize(3);
            steps.forEach(step -> step.run(1));
        }
        for (var i = 0; i < linears.size(); i++) {
            var expected = dense(linears.get(i), x[0].values());
            for (var j = 0; j < OUT; j++) {
                assertThat((double) y[0][i * OUT + j]).isCloseTo(expected[j], within(F32_CHAIN));
            }
        }
    }

    @Test
    void entriesOfARowAddUpToTheSameBitsAloneAndAmongOthers() {
        var random = new SplittableRandom(2);
        for (var linear : linears(DType.BF16, random, vector(random, OUT))) {
            var x = inputs(9);
            var together = RowBatch.rows(OUT);
            var alone = RowBatch.rows(OUT);
            try (var tools = new RowTools(Kernels.best(), 3)) {
                RowStep.plan(tools, List.of(new RowStep.Target(linear, x, together, 0)))
                        .forEach(step -> step.run(9));
                RowStep.plan(tools, List.of(new RowStep.Target(linear, x, alone, 0)))
                        .forEach(step -> step.runOne(5));
                assertThat(tools.packedBytes()).isGreaterThan(linear.bytes());
            }
            assertThat(alone[5]).as(linear.form()).containsExactly(together[5]);
        }
    }

    @Test
    void weightsOfDifferentTypesEachReadTheirSharedInputInTheirOwnWay() {
        var random = new SplittableRandom(5);
        var columns = 256;
        var types = List.of(
                DType.Q8_0,
                DType.Q4_0,
                DType.Q4_1,
                DType.Q4_K,
                DType.Q6_K,
                DType.NF4,
                DType.BF16,
                DType.F16,
                DType.F32);
        var linears = types.stream()
                .map(type -> new Linear.Dense(SyntheticModel.random(type, random, OUT, columns), null))
                .toList();
        for (var rows : new int[] {1, 3, 5}) {
            var x = RowTools.inputs(columns);
            for (var row = 0; row < rows; row++) {
                System.arraycopy(vector(random, columns).toFloats(), 0, x[row].values(), 0, columns);
            }
            var together = RowBatch.rows(OUT * types.size());
            try (var tools = new RowTools(Kernels.best(), 2)) {
                var targets = new ArrayList<RowStep.Target>();
                for (var linear : linears) {
                    targets.add(new RowStep.Target(linear, x, together, targets.size() * OUT));
                }
                RowStep.plan(tools, targets).forEach(step -> step.run(rows));
                for (var i = 0; i < types.size(); i++) {
                    var alone = RowBatch.rows(OUT);
                    RowStep.plan(tools, List.of(new RowStep.Target(linears.get(i), x, alone, 0)))
                            .forEach(step -> step.run(rows));
                    for (var row = 0; row < rows; row++) {
                        assertThat(Arrays.copyOfRange(together[row], i * OUT, (i + 1) * OUT))
                                .as(types.get(i).toString())
                                .containsExactly(alone[row]);
                    }
                }
            }
        }
    }

    @Test
    void anIndexThatIsNoPermutationIsRefused() {
        var random = new SplittableRandom(2);
        var broken = new Linear.Pivoted(
                SyntheticModel.random(DType.F32, random, 2, 3),
                SyntheticModel.random(DType.F32, random, 1, 2),
                HostTensor.ofInts(new int[] {0, 2, 2}, 3),
                null);
        try (var tools = new RowTools(Kernels.best(), 1)) {
            var target = new RowStep.Target(broken, RowTools.inputs(3), RowBatch.rows(3), 0);
            assertThatThrownBy(() -> RowStep.plan(tools, List.of(target)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("output 2 names row 2");
        }
    }
}
