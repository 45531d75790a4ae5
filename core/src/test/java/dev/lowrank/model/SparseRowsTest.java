package dev.lowrank.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.model.kernel.SparseProduct;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import dev.lowrank.tensor.TensorScope;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SparseRowsTest {
    /// `[3, 4]` with an empty row in the middle.
    private static SparseRows some() {
        return SparseRows.of(
                Shape.of(3, 4), new long[] {1, 3, 8}, HostTensor.ofFloats(new float[] {5, -6, 7}, 3), Arena.ofAuto());
    }

    @Test
    void entriesStandAtTheirPlaces() {
        var rows = some();
        assertThat(rows.out()).isEqualTo(3);
        assertThat(rows.count()).isEqualTo(3);
        assertThat(rows.columns().dtype()).isEqualTo(DType.I16);
        assertThat(rows.starts().toFloats()).containsExactly(0, 2, 2, 3);
        assertThat(rows.columns().toFloats()).containsExactly(1, 3, 0);
        TensorScope.tidyRun(
                () -> assertThat(rows.matrix().toDoubles()).containsExactly(0, 5, 0, -6, 0, 0, 0, 0, 7, 0, 0, 0));
    }

    @Test
    void bytesAreThoseOfValuesColumnsAndStarts() {
        var rows = some();
        assertThat(rows.bytes()).isEqualTo(3 * 4 + 3 * 2 + 4 * 4);
        assertThat(SparseRows.bytes(3, 4, 3, DType.F32)).isEqualTo(rows.bytes());
        assertThat(SparseRows.bytes(3, 40_000, 3, DType.BF16)).isEqualTo(3 * 2 + 3 * 4 + 4 * 4);
        // The order of the rows besides.
        assertThat(product(rows, 2, 0, 1).bytes()).isEqualTo(rows.bytes() + 3 * 4);
    }

    @ParameterizedTest
    @ValueSource(ints = {32_768, 32_769, 70_000})
    void theLastColumnOfAWideMatrixIsFound(int in) {
        var values = HostTensor.ofFloats(new float[] {2, 3}, 2);
        var rows = SparseRows.of(Shape.of(2, in), new long[] {in - 1, 2L * in - 1}, values, Arena.ofAuto());
        assertThat(rows.columns().dtype()).isEqualTo(in == 32_768 ? DType.I16 : DType.I32);
        assertThat(rows.columns().get(0)).isEqualTo(in - 1);
        var x = new float[in];
        x[in - 1] = 10;
        var y = new float[] {9, 1, 2, 9};
        product(rows, 0, 1).add(0, 2, x, y, 1);
        assertThat(y).containsExactly(9, 21, 32, 9);
    }

    private static SparseProduct product(SparseRows rows, int... asked) {
        return new SparseProduct(rows.values(), rows.columns(), rows.starts(), asked, 2);
    }

    @Test
    void rowsMayBeAskedForInAnyOrderAndInGroups() {
        var rows = some();
        var y = new float[3];
        var product = product(rows, 2, 0, 1);
        product.add(0, 2, new float[] {1, 10, 100, 1000}, y, 0);
        assertThat(y).containsExactly(50 - 6000, 0, 7);
        product.add(2, 3, new float[] {1, 10, 100, 1000}, y, 0);
        assertThat(y).containsExactly(50 - 6000, 0, 7);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "1,3,0; 1,2,2,3; run from 1",
                "1,3,0; 0,2,2,2; to 2",
                "1,3,0; 0,2,1,3; row 1 runs from 2 to 1",
                "1,3,0; 0,5,2,3; row 0 runs from 0 to 5 of 3 values",
                "1,4,0; 0,2,2,3; names column 4 of 4",
                "1,-1,0; 0,2,2,3; names column -1",
                "3,1,0; 0,2,2,3; column 1 of 4 after column 3",
                "1,1,0; 0,2,2,3; column 1 of 4 after column 1",
                "1,3; 0,2,2,3; stand in columns",
                "1,3,0; ; start at I32"
            })
    void placesThatAreNoneAreRefused(String columns, @Nullable String starts, String said) {
        var values = HostTensor.ofFloats(new float[] {5, -6, 7}, 3);
        assertThatThrownBy(() -> new SparseRows(4, values, shorts(columns), ints(starts == null ? "" : starts)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(said)
                .hasMessageContaining("damaged");
    }

    @Test
    void otherTypesAreRefused() {
        var good = some();
        var four = HostTensor.ofInts(new int[] {1, 3, 0}, 3);
        assertThatThrownBy(() -> new SparseRows(4, good.values(), four, good.starts()))
                .hasMessageContaining("I32")
                .hasMessageContaining("I16");
        assertThatThrownBy(() -> new SparseRows(4, four, good.columns(), good.starts()))
                .hasMessageContaining("values are I32");
        assertThatThrownBy(() -> new SparseRows(4, good.values(), good.columns(), good.columns()))
                .hasMessageContaining("start at I16");
    }

    @Test
    void entriesOfAnotherShapeDoNotGoWithAMatrix() {
        var base = new Linear.Dense(HostTensor.ofFloats(new float[15], 3, 5), null);
        assertThatThrownBy(() -> new Linear.SparsePlusLowRank(base, some()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("[3, 4]")
                .hasMessageContaining("[3, 5]");
    }

    @Test
    void whatItIsAddsUp() {
        var a = HostTensor.ofFloats(new float[8], 2, 4);
        var b = HostTensor.ofFloats(new float[6], 3, 2);
        var linear = new Linear.SparsePlusLowRank(new Linear.Factored(a, b, null), some());
        assertThat(linear.form()).isEqualTo("factored+sparse");
        assertThat(linear.names()).containsExactly("a", "b", "sparse.values");
        assertThat(linear.parts()).hasSize(3);
        assertThat(linear.parameters()).isEqualTo(8 + 6 + 3);
        assertThat(linear.bytes()).isEqualTo((8 + 6) * 4 + some().bytes());
        assertThat(linear.rank()).isEqualTo(2);
        assertThat(linear.in()).isEqualTo(4);
        assertThat(linear.out()).isEqualTo(3);
    }

    private static HostTensor shorts(String numbers) {
        var split = numbers.split(",", -1);
        var data = MemorySegment.ofArray(new short[split.length]);
        for (var i = 0; i < split.length; i++) {
            data.set(HostTensor.SHORT, 2L * i, Short.parseShort(split[i].strip()));
        }
        return new HostTensor(DType.I16, Shape.of(split.length), data);
    }

    private static HostTensor ints(String numbers) {
        var split = numbers.isEmpty() ? new String[0] : numbers.split(",", -1);
        var ints = new int[split.length];
        for (var i = 0; i < split.length; i++) {
            ints[i] = Integer.parseInt(split[i].strip());
        }
        return HostTensor.ofInts(ints, ints.length);
    }
}
