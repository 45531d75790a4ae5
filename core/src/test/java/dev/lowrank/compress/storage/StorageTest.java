package dev.lowrank.compress.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.method.Factors;
import dev.lowrank.model.Linear;
import dev.lowrank.model.output.MergedExport;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.testing.NoNativeLeaks;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@NoNativeLeaks
class StorageTest {
    /// Two factors: the table of compression.md, section 0. Pivoted: `r(m + n − r) = ρ m n`; the table's
    /// own figures are one lower in places because the published code also counts an index of r numbers,
    /// which we count in bytes.
    @ParameterizedTest
    @CsvSource({
        "4096, 4096, 0.9, 1843, 2800",
        "4096, 4096, 0.8, 1638, 2264",
        "4096, 4096, 0.6, 1228, 1505",
        "4096, 4096, 0.4, 819, 923",
        "11008, 4096, 0.8, 2388, 2973",
        "14336, 4096, 0.6, 1911, 2165",
        "1024, 4096, 0.9, 737, 893",
        "1024, 4096, 0.4, 327, 351"
    })
    void ranksAreThoseOfThePublishedFormulae(int out, int in, double keep, int factored, int pivoted) {
        var budget = keep * out * in;
        assertThat(StorageForm.FACTORED.rankWithin(out, in, budget)).isEqualTo(factored);
        assertThat(StorageForm.PIVOTED.rankWithin(out, in, budget)).isEqualTo(pivoted);
    }

    @ParameterizedTest
    @CsvSource({"4096, 4096, 1696", "11008, 4096, 2553", "14336, 4096, 2769", "1024, 4096, 718"})
    void tuckerBreaksEvenWhereTheFormulaSays(int out, int in, int rank) {
        assertThat(StorageForm.TUCKER.breakEven(out, in)).isEqualTo(rank);
    }

    @ParameterizedTest
    @CsvSource({"24, 40", "40, 24", "33, 33", "1, 7", "7, 1"})
    void aRankWithinABudgetIsTheLargestThatFits(int out, int in) {
        for (var form : new StorageForm[] {StorageForm.FACTORED, StorageForm.PIVOTED, StorageForm.TUCKER}) {
            for (var budget = 1; budget <= out * in; budget++) {
                var rank = form.rankWithin(out, in, budget);
                assertThat(form.parameters(out, in, rank)).isLessThanOrEqualTo(budget);
                if (rank < Math.min(out, in)) {
                    assertThat(form.parameters(out, in, rank + 1)).isGreaterThan(budget);
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"24, 40, 9", "40, 24, 9", "24, 40, 24", "40, 24, 1", "5, 5, 5"})
    void thePivotedFormIsLossless(int out, int in, int rank) {
        TensorScope.tidyRun(() -> {
            var factors =
                    new Factors(Tensors.randn(1, DType.F64, out, rank), null, Tensors.randn(2, DType.F64, rank, in));
            try (var arena = Arena.ofConfined()) {
                var product = factors.b().matmul(factors.a());
                var stored = SiteWriter.write(factors, StorageForm.PIVOTED, null, DType.F64, arena, "site");
                var difference = MergedExport.matrix(stored).sub(product).norm().item();
                assertThat(difference).isLessThan(1e-10 * product.norm().item());
                assertThat(stored.parameters()).isEqualTo(StorageForm.PIVOTED.parameters(out, in, rank));
                assertThat(stored.bytes()).isEqualTo(StorageForm.PIVOTED.bytes(out, in, rank, 8));
                var rest = ((Linear.Pivoted) stored).rest();
                if (rest.shape().elements() > 0) {
                    assertThat(Tensors.from(rest).abs().max().item()).isLessThan(10);
                }
            }
        });
    }

    @Test
    void aNumberThatDoesNotFitTheTypeIsAnErrorThatNamesTheSite() {
        TensorScope.tidyRun(() -> {
            var factors = new Factors(Tensors.full(1e3, DType.F64, 4, 2), null, Tensors.full(1e6, DType.F64, 2, 4));
            try (var arena = Arena.ofConfined()) {
                assertThatThrownBy(() -> SiteWriter.write(
                                factors, StorageForm.FACTORED, null, DType.F16, arena, "model.layers.1.q"))
                        .isInstanceOf(NumericalException.class)
                        .hasMessageContaining("model.layers.1.q");
            }
        });
    }

    @Test
    void keepRatiosOutsideTheirRangeAreRefused() {
        for (var bad : new double[] {0, -0.1, 1.5, Double.NaN}) {
            assertThatThrownBy(() -> KeepRatio.keep(bad))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("(0, 1]");
        }
    }
}
