package dev.lowrank.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.tensor.TypeConversion;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class KvCacheTest {
    private static final Path POCKET =
            Path.of(System.getProperty("lowrank.root", "..")).resolve("models/pocket");
    private static final int POSITIONS = 21;
    private static final int BLOCK = 1;
    /// What rounding keys and values to 8 bits may move logits by, which are up to 20; found 0.017.
    private static final double MOVED = 0.1;

    private final LanguageModel model = LanguageModel.open(POCKET);
    private final DecoderSpec spec = model.spec();
    private final int heads = spec.kvHeads();
    private final int width = spec.headDim();

    @AfterEach
    void close() {
        model.close();
    }

    private float[] rows(int seed) {
        var random = new SplittableRandom(seed);
        var rows = new float[heads * POSITIONS * width];
        for (var i = 0; i < rows.length; i++) {
            rows[i] = (float) random.nextDouble(-3, 3);
        }
        return rows;
    }

    private static float[] rounded(float[] rows, DType type) {
        var result = rows.clone();
        for (var i = 0; i < rows.length && type == DType.BF16; i++) {
            result[i] = Float.intBitsToFloat(TypeConversion.bf16(rows[i]) << 16);
        }
        return result;
    }

    private void assertHolds(KvCache cache, float[] keys, float[] values) {
        try (var _ = TensorScope.open()) {
            assertThat(cache.keys(BLOCK, POSITIONS).toFloats()).containsExactly(rounded(keys, cache.type()));
            assertThat(cache.values(BLOCK, POSITIONS).contiguous().toFloats())
                    .containsExactly(rounded(values, cache.type()));
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16"})
    void whatIsStoredOneByOneIsReadAsRowsAndCopied(DType type) {
        var keys = rows(1);
        var values = rows(2);
        try (var cache = KvCache.of(spec, POSITIONS, type);
                var longer = KvCache.of(spec, 300, type)) {
            for (var head = 0; head < heads; head++) {
                for (var position = 0; position < POSITIONS; position++) {
                    var at = (head * POSITIONS + position) * width;
                    cache.storeKey(BLOCK, head, position, keys, at);
                    cache.storeValue(BLOCK, head, position, values, at);
                }
            }
            assertHolds(cache, keys, values);
            cache.advanceTo(POSITIONS);
            cache.copyTo(longer);
            assertThat(longer.length()).isEqualTo(POSITIONS);
            assertHolds(longer, keys, values);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16"})
    void whatIsStoredFromTensorsIsTheSame(DType type) {
        var keys = rows(3);
        var values = rows(4);
        try (var _ = TensorScope.open();
                var cache = KvCache.of(spec, POSITIONS, type)) {
            var allKeys = Tensors.ofFloats(keys, heads, POSITIONS, width);
            var allValues = Tensors.ofFloats(values, heads, POSITIONS, width);
            // In two pieces, the second from an odd position on.
            cache.store(BLOCK, 0, allKeys.narrow(1, 0, 7), allValues.narrow(1, 0, 7));
            cache.store(BLOCK, 7, allKeys.narrow(1, 7, POSITIONS - 7), allValues.narrow(1, 7, POSITIONS - 7));
            assertHolds(cache, keys, values);
        }
    }

    @Test
    void bf16TakesHalfTheBytes() {
        assertThat(KvCache.bytes(spec, 500, DType.BF16)).isEqualTo(KvCache.bytes(spec, 500, DType.F32) / 2);
        try (var cache = KvCache.of(spec, 500, DType.BF16)) {
            var bytes = 0L;
            for (var block = 0; block < spec.blocks().size(); block++) {
                bytes += cache.keys(block).bytes() + cache.values(block).bytes();
            }
            assertThat(bytes).isEqualTo(KvCache.bytes(spec, 500, DType.BF16));
        }
    }

    @Test
    void otherTypesAreRefused() {
        assertThatThrownBy(() -> KvCache.of(spec, 8, DType.F16)).hasMessageContaining("F32 or BF16, not F16");
        try (var cache = KvCache.of(spec, 8);
                var other = KvCache.of(spec, 8, DType.BF16)) {
            assertThatThrownBy(() -> cache.copyTo(other)).hasMessageContaining("F32 cannot be copied into one in BF16");
        }
    }

    @Test
    void bothEnginesReadAndExtendACacheInBf16() {
        var text = new SplittableRandom(5).ints(300, 0, spec.vocabSize()).toArray();
        var next = 17;
        try (var row = RowDecoder.of(model, 2);
                var torch = TorchDecoder.load(model, TorchDecoder.Residency.RESIDENT);
                var exact = KvCache.of(spec, 301);
                var own = KvCache.of(spec, 301, DType.BF16);
                var mixed = KvCache.of(spec, 301, DType.BF16)) {
            row.prefill(text, exact);
            row.prefill(text, own);
            torch.prefill(Arrays.copyOf(text, 200), mixed);
            torch.prefill(Arrays.copyOfRange(text, 200, 300), mixed);
            var expected = row.step(next, exact).clone();
            var ofOwn = row.step(next, own).clone();
            var ofMixed = row.step(next, mixed).clone();
            assertThat(farthest(expected, ofOwn)).isBetween(1e-4, MOVED);
            assertThat(farthest(expected, ofMixed)).isBetween(1e-4, MOVED);
        }
    }

    private static double farthest(float[] one, float[] other) {
        var most = 0.0;
        for (var i = 0; i < one.length; i++) {
            most = Math.max(most, Math.abs(one[i] - other[i]));
        }
        return most;
    }
}
