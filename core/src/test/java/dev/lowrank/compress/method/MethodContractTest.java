package dev.lowrank.compress.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.compress.statistics.SecondMoment;
import dev.lowrank.compress.statistics.Shrinkage;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.testing.NoNativeLeaks;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// What every method must hold, on tall, wide and square sites. A new method is in as soon as it is in
/// [Methods].
@NoNativeLeaks
class MethodContractTest {
    private static final double TIGHT = 1e-9;
    private static final int[][] SHAPES = {{40, 24}, {24, 40}, {32, 32}, {1, 8}, {8, 1}};

    static Stream<Arguments> methodsAndShapes() {
        return methods().stream()
                .flatMap(method -> Stream.of(SHAPES).map(shape -> Arguments.of(method, shape[0], shape[1])));
    }

    static List<SiteMethod> methods() {
        return Stream.of(
                        MethodOptions.DEFAULT,
                        MethodOptions.DEFAULT.withCentred(true),
                        MethodOptions.DEFAULT.withInputShrinkage(Shrinkage.NONE))
                .flatMap(options -> Methods.ids().stream().map(id -> Methods.of(id, options)))
                .filter(SiteMethod.class::isInstance)
                .map(SiteMethod.class::cast)
                .distinct()
                .toList();
    }

    @ParameterizedTest
    @MethodSource("methodsAndShapes")
    void allComponentsRebuildTheWeight(SiteMethod method, int out, int in) {
        TensorScope.tidyRun(() -> {
            try (var sample = SiteSample.of(out, in, 300, 11)) {
                var decomposition = method.decompose(sample.problem());
                var pair = method.cut(decomposition, Math.min(out, in)).absorbed();
                var rebuilt = pair.b().matmul(pair.a());
                var difference = rebuilt.sub(sample.weight()).norm().item();
                assertThat(difference).isLessThan(TIGHT * sample.weight().norm().item());
            }
        });
    }

    @ParameterizedTest
    @MethodSource("methodsAndShapes")
    void componentsFallAndErrorsFallWithRank(SiteMethod method, int out, int in) {
        TensorScope.tidyRun(() -> {
            try (var sample = SiteSample.of(out, in, 300, 12)) {
                var decomposition = method.decompose(sample.problem());
                var singular = decomposition.singular().toDoubles();
                for (var i = 1; i < singular.length; i++) {
                    assertThat(singular[i]).isLessThanOrEqualTo(singular[i - 1]);
                }
                for (var rank = 1; rank < decomposition.components(); rank++) {
                    assertThat(decomposition.relativeError(rank + 1))
                            .isLessThanOrEqualTo(decomposition.relativeError(rank));
                }
                assertThat(decomposition.relativeError(decomposition.components()))
                        .isZero();
                assertThat(decomposition.components()).isGreaterThanOrEqualTo(Math.min(out, in));
            }
        });
    }

    @ParameterizedTest
    @MethodSource("methodsAndShapes")
    void theComponentsWantedAreTheSameWithoutTheOthers(SiteMethod method, int out, int in) {
        TensorScope.tidyRun(() -> {
            try (var sample = SiteSample.of(out, in, 300, 14)) {
                var rank = Math.max(1, Math.min(out, in) / 2);
                var all = sample.problem();
                var whole = method.decompose(all);
                var part = method.decompose(new Problem(all.site(), all.weight(), all.statistics(), rank));
                assertThat(part.relativeError(rank)).isEqualTo(whole.relativeError(rank));
                var expected = method.cut(whole, rank).absorbed();
                var found = method.cut(part, rank).absorbed();
                assertThat(found.b().sub(expected.b()).norm().item())
                        .isLessThan(TIGHT * expected.b().norm().item());
                assertThat(found.a().sub(expected.a()).norm().item())
                        .isLessThan(TIGHT * expected.a().norm().item());
            }
        });
    }

    @ParameterizedTest
    @MethodSource("methodsAndShapes")
    void factorsHaveTheRankAskedFor(SiteMethod method, int out, int in) {
        TensorScope.tidyRun(() -> {
            try (var sample = SiteSample.of(out, in, 300, 13)) {
                var decomposition = method.decompose(sample.problem());
                for (var rank = 1; rank <= Math.min(out, in); rank++) {
                    var factors = method.cut(decomposition, rank);
                    assertThat(factors.rank()).isEqualTo(rank);
                    assertThat(factors.b().shape().toArray()).containsExactly(out, rank);
                    assertThat(factors.a().shape().toArray()).containsExactly(rank, in);
                }
            }
        });
    }

    @ParameterizedTest
    @MethodSource("methods")
    void aZeroWeightAndDeadChannelsAreNoProblem(SiteMethod method) {
        TensorScope.tidyRun(() -> {
            var inputs = Tensors.randn(5, DType.F64, 200, 12);
            inputs.narrow(1, 3, 2).fill_(0);
            try (var zero = SiteSample.of(Tensors.zeros(DType.F64, 20, 12), inputs);
                    var dead = SiteSample.of(Tensors.randn(6, DType.F64, 20, 12), inputs)) {
                assertThat(method.decompose(zero.problem()).leading(4).b().isFiniteAll())
                        .isTrue();
                var factors = method.cut(method.decompose(dead.problem()), 12).absorbed();
                var difference = factors.b().matmul(factors.a()).sub(dead.weight());
                assertThat(dead.inputs().matmul(difference.t()).norm().item()).isLessThan(1e-6);
            }
        });
    }

    @ParameterizedTest
    @MethodSource("methods")
    void fewerTokensThanChannelsIsNoProblem(SiteMethod method) {
        TensorScope.tidyRun(() -> {
            try (var sample = SiteSample.of(Tensors.randn(8, DType.F64, 48, 32), Tensors.randn(9, DType.F64, 10, 32))) {
                var factors = method.cut(method.decompose(sample.problem()), 16).absorbed();
                assertThat(factors.a().isFiniteAll()).isTrue();
                assertThat(factors.b().isFiniteAll()).isTrue();
                if (sample.measured().requireMoment() instanceof SecondMoment.Input
                        && method.equals(
                                Methods.of("svd-llm", MethodOptions.DEFAULT.withInputShrinkage(Shrinkage.NONE)))) {
                    assertThat(sample.outputError(factors))
                            .as("ten tokens span ten directions")
                            .isLessThan(1e-2);
                }
            }
        });
    }

    @ParameterizedTest
    @MethodSource("methods")
    void repeatingGivesTheSameBits(SiteMethod method) {
        TensorScope.tidyRun(() -> {
            try (var sample = SiteSample.of(24, 40, 300, 14)) {
                var first = method.cut(method.decompose(sample.problem()), 7);
                var second = method.cut(method.decompose(sample.problem()), 7);
                assertThat(first.a().equalsAll(second.a())).isTrue();
                assertThat(first.b().equalsAll(second.b())).isTrue();
            }
        });
    }

    @Test
    void anActivationThatIsNotFiniteNamesTheSite() {
        TensorScope.tidyRun(() -> {
            var inputs = Tensors.randn(5, DType.F64, 50, 12);
            inputs.narrow(0, 7, 1).narrow(1, 3, 1).fill_(Double.NaN);
            try (var sample = SiteSample.of(Tensors.randn(6, DType.F64, 20, 12), inputs)) {
                assertThatThrownBy(sample::measured)
                        .isInstanceOf(NumericalException.class)
                        .hasMessageContaining("model.layers.3.mlp.down_proj");
            }
        });
    }

    @Test
    void tuckersCoreIsTheLeadingSingularValues() {
        TensorScope.tidyRun(() -> {
            try (var sample = SiteSample.of(24, 40, 300, 15)) {
                var method = Methods.site("tucker", MethodOptions.DEFAULT);
                var decomposition = method.decompose(sample.problem());
                var factors = method.cut(decomposition, 6);
                var core = factors.core();
                assertThat(core).isNotNull();
                var diagonal = core.diagonal().abs().toDoubles();
                var singular = decomposition.singular().toDoubles();
                for (var i = 0; i < 6; i++) {
                    assertThat(diagonal[i]).isCloseTo(singular[i], within(1e-8 * singular[0]));
                }
                var plain = decomposition.leading(6);
                var absorbed = factors.absorbed();
                var same = absorbed.b().matmul(absorbed.a()).sub(plain.b().matmul(plain.a()));
                assertThat(same.norm().item()).isLessThan(1e-8 * singular[0]);
            }
        });
    }

    @Test
    void unknownMethodsAreNamedWithTheKnownOnes() {
        assertThatThrownBy(() -> Methods.of("svdllm", MethodOptions.DEFAULT))
                .hasMessageContaining("svdllm")
                .hasMessageContaining("svd-llm");
    }
}
