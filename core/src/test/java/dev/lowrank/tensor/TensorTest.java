package dev.lowrank.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.testing.TensorAssert;
import dev.lowrank.testing.Tolerance;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@NoNativeLeaks
class TensorTest {
    private TensorScope scope;

    @BeforeEach
    void open() {
        scope = TensorScope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static Tensor f(double... values) {
        return Tensors.ofDoubles(values, values.length);
    }

    /// `[[0, 1, 2], [3, 4, 5]]` F64
    private static Tensor grid() {
        return Tensors.arange(0, 6, DType.F64).reshape(2, 3);
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F8_.*", "Q.*", "NF4"},
            mode = EnumSource.Mode.MATCH_NONE)
    void hostMemoryRoundTripsBitForBit(DType dtype) {
        try (var arena = Arena.ofConfined()) {
            var host = Tensors.arange(0, 100, dtype).reshape(4, 25).toHost(dtype, arena);
            var unaligned = arena.allocate(host.bytes() + 1).asSlice(1).copyFrom(host.data());
            var back =
                    Tensors.from(new HostTensor(dtype, host.shape(), unaligned)).toHost(dtype, arena);
            assertThat(back.shape()).isEqualTo(Shape.of(4, 25));
            assertThat(back.data().mismatch(host.data())).isEqualTo(-1);
            assertThat(back.get(99)).isEqualTo(99.0);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F8_E4M3", "F8_E5M2"})
    void float8BecomesF32(DType dtype) {
        var bits = new byte[] {0, 1, 0x38, 0x40, (byte) 0xB8};
        var host = new HostTensor(dtype, Shape.of(5), MemorySegment.ofArray(bits));
        var tensor = Tensors.from(host);
        assertThat(tensor.dtype()).isEqualTo(DType.F32);
        assertThat(tensor.toFloats()).isEqualTo(host.toFloats());
        assertThatThrownBy(() -> tensor.to(dtype)).hasMessageContaining("read only");
    }

    @Test
    void viewSharesNativeMemory() {
        try (var arena = Arena.ofConfined()) {
            var data = arena.allocate(12, 4);
            var tensor = Tensors.view(new HostTensor(DType.F32, Shape.of(3), data));
            data.set(ValueLayout.JAVA_FLOAT, 4, 7f);
            assertThat(tensor.toFloats()).containsExactly(0f, 7f, 0f);
            tensor.fill_(2);
            assertThat(data.get(ValueLayout.JAVA_FLOAT, 8)).isEqualTo(2f);
        }
    }

    @Test
    void viewRefusesHeapMappedAndUnalignedMemory(@TempDir Path folder) throws IOException {
        var file = Files.write(folder.resolve("weights"), new byte[16]);
        try (var arena = Arena.ofConfined();
                var channel = FileChannel.open(file, StandardOpenOption.READ)) {
            var mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, 16, arena);
            var unaligned = arena.allocate(17, 4).asSlice(1);
            for (var data : List.of(mapped, unaligned, MemorySegment.ofArray(new byte[16]))) {
                assertThatThrownBy(() -> Tensors.view(new HostTensor(DType.F32, Shape.of(4), data)))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("Tensors.from");
            }
            assertThat(Tensors.from(new HostTensor(DType.F32, Shape.of(4), mapped))
                            .toFloats())
                    .containsExactly(0f, 0f, 0f, 0f);
        }
    }

    @Test
    void emptyAndScalarTensorsWork() {
        assertThat(Tensors.zeros(DType.F32, 0, 3).toFloats()).isEmpty();
        assertThat(Tensors.ofFloats(new float[0], 0).shape()).isEqualTo(Shape.of(0));
        assertThat(Tensors.full(3, DType.F64).shape()).isEqualTo(Shape.of());
        assertThat(Tensors.full(3, DType.I32).item()).isEqualTo(3.0);
    }

    @Test
    void shapesMoveAsInPyTorch() {
        var x = grid();
        assertThat(x.t().toDoubles()).containsExactly(0, 3, 1, 4, 2, 5);
        assertThat(x.transpose(0, 1).contiguous().toDoubles()).containsExactly(0, 3, 1, 4, 2, 5);
        assertThat(x.permute(1, 0).shape()).isEqualTo(Shape.of(3, 2));
        assertThat(x.reshape(-1).shape()).isEqualTo(Shape.of(6));
        assertThat(x.narrow(1, 1, 2).toDoubles()).containsExactly(1, 2, 4, 5);
        assertThat(x.select(0, 1).toDoubles()).containsExactly(3, 4, 5);
        assertThat(x.indexSelect(1, Tensors.ofLongs(new long[] {2, 0}, 2)).toDoubles())
                .containsExactly(2, 0, 5, 3);
        assertThat(x.gather(1, Tensors.ofLongs(new long[] {2, 0}, 2, 1)).toDoubles())
                .containsExactly(2, 3);
        assertThat(x.unsqueeze(0).shape()).isEqualTo(Shape.of(1, 2, 3));
        assertThat(x.unsqueeze(0).squeeze(0).shape()).isEqualTo(Shape.of(2, 3));
        assertThat(f(1, 2).unsqueeze(1).expand(-1, 3).toDoubles()).containsExactly(1, 1, 1, 2, 2, 2);
        assertThat(f(1, 2).repeatInterleave(2, 0).toDoubles()).containsExactly(1, 1, 2, 2);
        assertThat(x.flip(1).toDoubles()).containsExactly(2, 1, 0, 5, 4, 3);
        assertThat(x.diagonal().toDoubles()).containsExactly(0, 4);
        assertThat(x.triu(1).toDoubles()).containsExactly(0, 1, 2, 0, 0, 5);
        assertThat(x.tril(0).toDoubles()).containsExactly(0, 0, 0, 3, 4, 0);
        assertThat(Tensors.cat(List.of(x, x), 0).shape()).isEqualTo(Shape.of(4, 3));
        assertThat(Tensors.stack(List.of(x, x), 0).shape()).isEqualTo(Shape.of(2, 2, 3));
    }

    @Test
    void arithmeticBroadcasts() {
        var x = grid();
        var row = f(1, 2, 4);
        assertThat(x.add(row).toDoubles()).containsExactly(1, 3, 6, 4, 6, 9);
        assertThat(x.sub(row).toDoubles()).containsExactly(-1, -1, -2, 2, 2, 1);
        assertThat(x.mul(row).toDoubles()).containsExactly(0, 2, 8, 3, 8, 20);
        assertThat(x.div(row).toDoubles()).containsExactly(0, .5, .5, 3, 2, 1.25);
        assertThat(x.add(1).sub(2).mul(3).div(2).toDoubles()).containsExactly(-1.5, 0, 1.5, 3, 4.5, 6);
        assertThat(Tensors.arange(0, 3, DType.I64).add(5).toLongs()).containsExactly(5, 6, 7);
        assertThat(x.matmul(x.t()).toDoubles()).containsExactly(5, 14, 14, 50);
        assertThat(Tensors.where(x.gt(2), x, x.neg()).toDoubles()).containsExactly(-0.0, -1, -2, 3, 4, 5);
    }

    @Test
    void inPlaceOperationsChangeTheTensorItself() {
        var x = grid();
        assertThat(x.add_(f(1, 1, 1)).mul_(2).mul_(f(1, 0, 1))).isSameAs(x);
        assertThat(x.toDoubles()).containsExactly(2, 0, 6, 8, 0, 12);
        x.setNarrow(0, 1, f(7, 8, 9).reshape(1, 3));
        assertThat(x.toDoubles()).containsExactly(2, 0, 6, 7, 8, 9);
        assertThat(x.copy_(Tensors.ones(DType.F32, 3)).sum().item()).isEqualTo(6.0);
        x.fill_(0).addMatmul_(grid(), Tensors.eye(DType.F64, 3)).addMatmul_(grid(), Tensors.eye(DType.F64, 3));
        assertThat(x.toDoubles()).containsExactly(0, 2, 4, 6, 8, 10);
    }

    @Test
    void elementwiseFunctionsMatchTheirFormulae() {
        var x = f(.25, 1, 4);
        assertThat(x.neg().abs().sqrt().toDoubles()).containsExactly(.5, 1, 2);
        assertThat(x.rsqrt().toDoubles()).containsExactly(2, 1, .5);
        assertThat(x.square().toDoubles()).containsExactly(.0625, 1, 16);
        assertThat(x.pow(1.5).toDoubles()).containsExactly(.125, 1, 8);
        assertThat(x.clampMin(1).toDoubles()).containsExactly(1, 1, 4);
        TensorAssert.assertThat(x.log().exp()).isCloseTo(x, Tolerance.F64_EXACT);
        TensorAssert.assertThat(x.sin().square().add(x.cos().square()))
                .isCloseTo(new double[] {1, 1, 1}, Tolerance.F64_EXACT);
    }

    @Test
    void reductionsKeepOrDropTheirDimension() {
        var x = grid();
        assertThat(x.sum().item()).isEqualTo(15.0);
        assertThat(x.sum(0, false).toDoubles()).containsExactly(3, 5, 7);
        assertThat(x.mean(-1, true).shape()).isEqualTo(Shape.of(2, 1));
        assertThat(x.mean().item()).isEqualTo(2.5);
        assertThat(x.max().item()).isEqualTo(5.0);
        assertThat(x.min().item()).isZero();
        assertThat(x.amax(1, false).toDoubles()).containsExactly(2, 5);
        assertThat(x.argmax(1, false).toLongs()).containsExactly(2, 2);
        assertThat(x.cumsum(1).toDoubles()).containsExactly(0, 1, 3, 3, 7, 12);
        assertThat(f(3, 4).norm().item()).isEqualTo(5.0);
        TensorAssert.assertThat(x.softmax(1).sum(1, false)).isCloseTo(new double[] {1, 1}, Tolerance.F64_EXACT);
        TensorAssert.assertThat(x.logSoftmax(1).exp()).isCloseTo(x.softmax(1), Tolerance.F64_EXACT);
    }

    @Test
    void rankingGivesValuesAndIndices() {
        var top = f(3, 9, 1, 9).topk(2, 0);
        assertThat(top.values().toDoubles()).containsExactly(9, 9);
        var sorted = f(3, 9, 1, 9).sort(0, true);
        assertThat(sorted.values().toDoubles()).containsExactly(9, 9, 3, 1);
        assertThat(sorted.indices().toLongs()).containsExactly(1, 3, 0, 2);
    }

    @Test
    void nonFiniteElementsAreCountedAndLocated() {
        var x = Tensors.ofDoubles(new double[] {0, 1, 2, 3, Double.NaN, Double.NEGATIVE_INFINITY}, 2, 3);
        assertThat(grid().isFiniteAll()).isTrue();
        assertThat(x.isFiniteAll()).isFalse();
        assertThat(x.countNonFinite()).isEqualTo(2);
        assertThatThrownBy(() -> Finite.check(x, "model.layers.3.q_proj"))
                .isInstanceOf(NumericalException.class)
                .hasMessageContaining("NUM_NONFINITE")
                .hasMessageContaining("model.layers.3.q_proj")
                .hasMessageContaining("2 of 6")
                .hasMessageContaining("[1, 1]");
    }

    @Test
    void equalityLooksAtShapeDtypeAndElements() {
        assertThat(grid().equalsAll(grid())).isTrue();
        assertThat(grid().equalsAll(grid().reshape(3, 2))).isFalse();
        assertThat(grid().equalsAll(grid().to(DType.F32))).isFalse();
        assertThat(grid().equalsAll(grid().add(1))).isFalse();
    }

    @Test
    void dtypesNeverChangeSilently() {
        assertThatThrownBy(() -> grid().add(Tensors.ones(DType.F32, 3)))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("add(F64[2, 3], F32[3])")
                .hasMessageContaining("one dtype");
        assertThatThrownBy(() -> Tensors.ones(DType.I64, 3).add(0.5)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Tensors.ones(DType.I64, 3).div(2)).isInstanceOf(TensorException.class);
    }

    @Test
    void nativeRefusalsNameOperationAndOperands() {
        assertThatThrownBy(() -> grid().matmul(grid()))
                .isInstanceOf(TensorException.class)
                .hasMessageStartingWith("matmul(F64[2, 3], F64[2, 3]): ")
                .message()
                .doesNotContain("\n");
        assertThatThrownBy(() -> Tensors.zeros(DType.F64, 1L << 55))
                .isInstanceOfSatisfying(
                        TensorException.class,
                        e -> assertThat(e.outOfMemory()).as(e.getMessage()).isTrue());
        assertThatThrownBy(() -> grid().item()).hasMessageContaining("exactly one");
    }

    @Test
    void oneSeedGivesOneSequence() {
        assertThat(Tensors.randn(7, DType.F32, 50).equalsAll(Tensors.randn(7, DType.F32, 50)))
                .isTrue();
        assertThat(Tensors.randn(7, DType.F32, 50).equalsAll(Tensors.randn(8, DType.F32, 50)))
                .isFalse();
        assertThat(Math.abs(Tensors.randn(1, DType.F64, 10_000).mean().item())).isLessThan(0.05);
    }

    @Test
    void threadsCanBeSet() {
        var before = Compute.threads();
        Compute.setThreads(1);
        assertThat(Compute.threads()).isEqualTo(1);
        Compute.setThreads(before);
        assertThatThrownBy(() -> Compute.setThreads(0)).isInstanceOf(IllegalArgumentException.class);
    }
}
