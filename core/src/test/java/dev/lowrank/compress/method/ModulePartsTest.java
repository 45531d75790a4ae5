package dev.lowrank.compress.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.checkpoint.SafetensorsFile;
import dev.lowrank.compress.statistics.SecondMoment;
import dev.lowrank.compress.statistics.Shrinkage;
import dev.lowrank.compress.statistics.SiteStatistics;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.LinearSite.Layout;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.Svd;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.testing.NoNativeLeaks;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// The parts of the module methods against numpy, which took the long way (`make_module_fixtures.py`), and
/// their identities on random matrices.
@NoNativeLeaks
class ModulePartsTest {
    private static final Path GOLDEN = Path.of("src/test/resources/golden/modules/expected.safetensors");
    private static final double TIGHT = 1e-9;

    private static Tensor golden(SafetensorsFile file, String name) {
        return Tensors.from(file.tensor(name), DType.F64);
    }

    private static double relative(Tensor found, Tensor expected) {
        return found.sub(expected).norm().item() / expected.norm().item();
    }

    @Test
    void nystromChoosesAndFitsAsLeastSquaresOnTheTokensDoes() {
        TensorScope.tidyRun(() -> {
            try (var file = SafetensorsFile.open(GOLDEN)) {
                var gram = golden(file, "nystroem.gram");
                var leverages = Nystrom.Leverages.of(gram, 0.01, "test").values();
                var expected = golden(file, "nystroem.leverage").toDoubles();
                for (var i = 0; i < expected.length; i++) {
                    assertThat(leverages[i]).isCloseTo(expected[i], within(TIGHT));
                }
                var found = Nystrom.of(gram, golden(file, "nystroem.weight"), 9, 0.01, "test");
                assertThat(found.channels().toLongs())
                        .containsExactly(Tensors.from(file.tensor("nystroem.channels"), DType.I64)
                                .toLongs());
                assertThat(relative(found.down(), golden(file, "nystroem.down")))
                        .isLessThan(1e-8);
                assertThat(found.relativeError())
                        .isCloseTo(golden(file, "nystroem.error").select(0, 0).item(), within(1e-9));
            }
        });
    }

    @Test
    void nystromOfAllChannelsIsTheWeightAndItsErrorFallsWithTheWidth() {
        TensorScope.tidyRun(() -> {
            var hidden = Tensors.randn(3, DType.F64, 300, 20).matmul(Tensors.randn(4, DType.F64, 20, 20));
            var weight = Tensors.randn(5, DType.F64, 8, 20);
            var gram = hidden.t().matmul(hidden);
            var before = 1.0;
            for (var width = 1; width <= 20; width++) {
                var found = Nystrom.of(gram, weight, width, 1e-3, "test");
                var kept = hidden.indexSelect(1, found.channels());
                var lost =
                        hidden.matmul(weight.t()).sub(kept.matmul(found.down().t()));
                var explicit =
                        lost.norm().item() / hidden.matmul(weight.t()).norm().item();
                assertThat(found.relativeError())
                        .isCloseTo(explicit, within(1e-6))
                        .isLessThan(before + 1e-12);
                before = found.relativeError();
            }
            assertThat(relative(Nystrom.of(gram, weight, 20, 1e-3, "test").down(), weight))
                    .isLessThan(1e-8);
        });
    }

    @Test
    void rotaryPairsAreThoseOfTheRotatedQueriesAndKeys() {
        TensorScope.tidyRun(() -> {
            try (var file = SafetensorsFile.open(GOLDEN)) {
                var found = RotaryPairs.of(
                        golden(file, "rotary.queries").toDoubles(),
                        golden(file, "rotary.keys").toDoubles(),
                        8,
                        2);
                var expected =
                        Tensors.from(file.tensor("rotary.pairs"), DType.I64).toLongs();
                assertThat(found.pairs().stream().flatMap(List::stream).mapToLong(Integer::longValue))
                        .containsExactly(IntStream.range(0, expected.length)
                                .mapToObj(i -> expected[i])
                                .toArray(Long[]::new));
                assertThat(found.relativeError())
                        .isCloseTo(golden(file, "rotary.error").select(0, 0).item(), within(TIGHT));
            }
        });
    }

    /// A product of two matrices is the sum of the outer products of columns; with all pairs, all of it.
    @Test
    void keptRowsAreThoseOfThePairsAndAllOfThemRebuildTheScores() {
        TensorScope.tidyRun(() -> {
            var q = Tensors.randn(1, DType.F64, 4 * 6, 5);
            var k = Tensors.randn(2, DType.F64, 2 * 6, 5);
            var squares = new double[24];
            Arrays.fill(squares, 1);
            squares[1] = 5; // head 0, pair 1
            squares[3 + 6 * 2] = 5; // head 2, pair 0
            var keys = new double[12];
            Arrays.fill(keys, 1);
            var one = RotaryPairs.of(squares, keys, 6, 1);
            assertThat(one.pairs()).containsExactly(List.of(1), List.of(0));
            var rows = one.select(k, 6);
            assertThat(rows.equalsAll(k.indexSelect(0, Tensors.ofLongs(new long[] {1, 4, 6, 9}, 4))))
                    .isTrue();
            var all = RotaryPairs.of(squares, keys, 6, 3);
            assertThat(all.select(q, 6).equalsAll(q)).isTrue();
            assertThat(all.relativeError()).isZero();
        });
    }

    @Test
    void valueAndOutputAreTheBestProductsOfEveryRank() {
        TensorScope.tidyRun(() -> {
            try (var file = SafetensorsFile.open(GOLDEN)) {
                var values = golden(file, "value.tokens");
                var stacked = golden(file, "value.outputs");
                var outputs = List.of(stacked.select(0, 0), stacked.select(0, 1));
                var tails = golden(file, "value.tails").toDoubles();
                for (var rank = 1; rank <= 6; rank++) {
                    var found = ValueOutput.of(values.t().matmul(values), outputs, rank, "test");
                    var narrow = values.matmul(found.down().t());
                    var product = Tensors.cat(
                            outputs.stream()
                                    .map(output -> narrow.matmul(
                                            output.matmul(found.up()).t()))
                                    .toList(),
                            1);
                    assertThat(relative(product, golden(file, "value.best." + rank)))
                            .as("rank %d", rank)
                            .isLessThan(1e-8);
                    assertThat(found.dropped()).isCloseTo(tails[rank], within(1e-8 * tails[0]));
                    assertThat(found.energy()).isCloseTo(tails[0], within(1e-8 * tails[0]));
                }
            }
        });
    }

    @Test
    void fallbacksInsideModulesAreNoted() {
        TensorScope.tidyRun(() -> {
            var tokens = Tensors.randn(1, DType.F64, 3, 8);
            var gram = tokens.t().matmul(tokens); // of rank 3
            var weight = Tensors.randn(2, DType.F64, 5, 8);
            assertThat(Nystrom.Leverages.of(gram, 1e-14, "test").notes()).anyMatch(note -> note.contains("Cholesky"));
            assertThat(Nystrom.of(gram, weight, 6, 1e-14, "test").notes())
                    .as("of the leverages and of the kept channels")
                    .hasSizeGreaterThanOrEqualTo(2)
                    .allMatch(note -> note.contains("Cholesky") || note.contains("eigen"));
            var found = ValueOutput.of(gram, List.of(weight), 2, "test", ModulePartsTest::swept);
            assertThat(found.notes()).anyMatch(note -> note.contains("gesdd did not converge"));
        });
    }

    @Test
    void tuckersFallbacksAreNotedOnce() {
        TensorScope.tidyRun(() -> {
            var decomposition = Projection.plain(Tensors.randn(3, DType.F64, 9, 7));
            var clean = Tucker.cut(decomposition, 3, Linalg::svd);
            var swept = Tucker.cut(decomposition, 3, ModulePartsTest::swept);
            assertThat(clean.notes()).isEmpty();
            assertThat(swept.notes()).singleElement().asString().contains("gesdd did not converge");
            assertThat(swept.absorbed().notes()).isEqualTo(swept.notes());
            assertThat(Tucker.cut(decomposition, 3, Linalg::gramSvd).notes())
                    .singleElement()
                    .asString()
                    .contains("Gram matrix");
        });
    }

    /// As if divide and conquer had failed.
    private static Svd swept(Tensor a) {
        var svd = Linalg.svd(a);
        return new Svd(svd.u(), svd.s(), svd.vt(), Svd.Driver.GESVD);
    }

    @Test
    void deadValueHeadsAreNoProblem() {
        TensorScope.tidyRun(() -> {
            var dead = Tensors.zeros(DType.F64, 4, 4);
            var outputs = List.of(Tensors.randn(1, DType.F64, 6, 4));
            assertThat(ValueOutput.of(dead, outputs, 2, "test").up().isFiniteAll())
                    .isTrue();
            var nothing = List.of(Tensors.zeros(DType.F64, 6, 4));
            var values = Tensors.eye(DType.F64, 4);
            assertThat(ValueOutput.of(values, nothing, 2, "test").up().isFiniteAll())
                    .isTrue();
            var found = Nystrom.of(dead, Tensors.randn(2, DType.F64, 3, 4), 2, 1e-2, "test");
            assertThat(found.down().isFiniteAll()).isTrue();
            assertThat(found.relativeError()).isZero();
        });
    }

    @Test
    void aSharedBasisIsTheBestForBothBlocksInputs() {
        TensorScope.tidyRun(() -> {
            try (var file = SafetensorsFile.open(GOLDEN)) {
                var weights = golden(file, "shared.weights");
                var grams = golden(file, "shared.grams");
                var problems = IntStream.range(0, 2)
                        .mapToObj(i -> new Problem(
                                new LinearSite(i, Role.UP_PROJ, "layer" + i, 12, 7, false, Layout.OUT_IN),
                                weights.select(0, i).contiguous(),
                                SiteStatistics.of(100, new SecondMoment.Input(grams.select(0, i)))))
                        .toList();
                var found = new BasisSharing(2).decompose(problems);
                var factors = found.leading(4);
                assertThat(relative(factors.b().matmul(factors.a()), golden(file, "shared.best.4")))
                        .isLessThan(1e-7);
                assertThat(found.relativeError(4))
                        .isCloseTo(golden(file, "shared.error.4").select(0, 0).item(), within(1e-8));
                var alone = new BasisSharing(1).decompose(problems.subList(0, 1));
                var direct = new SvdLlm(false, Shrinkage.NONE).decompose(problems.getFirst());
                assertThat(alone.singular().equalsAll(direct.singular())).isTrue();
            }
        });
    }
}
