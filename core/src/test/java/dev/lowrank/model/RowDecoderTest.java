package dev.lowrank.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.model.kernel.Kernels;
import dev.lowrank.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RowDecoderTest {
    private static final int[] TOKENS = {5, 96, 0, 17, 42, 42, 3};

    private static List<float[]> logits(SyntheticModel model, Kernels kernels, int threads) {
        try (var decoder = RowDecoder.of(model.spec(), model, kernels, threads);
                var cache = KvCache.of(model.spec(), TOKENS.length)) {
            var all = new ArrayList<float[]>();
            for (var token : TOKENS) {
                all.add(decoder.step(token, cache).clone());
            }
            return all;
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16", "Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K", "NF4"})
    void theNumberOfThreadsChangesNoBit(DType dtype) {
        var model = new SyntheticModel(dtype, SyntheticModel.Dimensions.smallest(dtype));
        var alone = logits(model, Kernels.best(), 1);
        for (var threads : new int[] {2, 3, 7}) {
            var shared = logits(model, Kernels.best(), threads);
            for (var i = 0; i < alone.size(); i++) {
                assertThat(shared.get(i)).containsExactly(alone.get(i));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16", "Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K", "NF4"})
    void plainLoopsGiveTheBitsOfVectors(DType dtype) {
        var model = new SyntheticModel(dtype, SyntheticModel.Dimensions.smallest(dtype));
        var vectors = logits(model, Kernels.best(), 1);
        var loops = logits(model, Kernels.scalar(Kernels.best().lanes()), 2);
        for (var i = 0; i < vectors.size(); i++) {
            assertThat(loops.get(i)).containsExactly(vectors.get(i));
        }
    }

    @Test
    void aColdDecoderGivesTheSameBitsAsAWarmOne() {
        var model = new SyntheticModel(DType.BF16, SyntheticModel.Dimensions.TINY);
        var expected = logits(model, Kernels.best(), 1);
        for (var warm : new boolean[] {false, true}) {
            try (var decoder = RowDecoder.of(model.spec(), model, 2);
                    var cache = KvCache.of(model.spec(), TOKENS.length)) {
                if (warm) {
                    decoder.warm(DType.F32);
                }
                for (var i = 0; i < TOKENS.length; i++) {
                    assertThat(decoder.step(TOKENS[i], cache)).containsExactly(expected.get(i));
                }
            }
        }
    }

    @Test
    void aPrefillIsTheSameAsItsSteps() {
        var model = new SyntheticModel(DType.F32, SyntheticModel.Dimensions.TINY);
        var steps = logits(model, Kernels.best(), 1);
        try (var decoder = RowDecoder.of(model.spec(), model, Kernels.best(), 2);
                var cache = KvCache.of(model.spec(), 50)) {
            assertThat(decoder.prefill(TOKENS, cache)).containsExactly(steps.getLast());
            assertThat(cache.length()).isEqualTo(TOKENS.length);
            // Going back and on again overwrites what lay there.
            cache.advanceTo(3);
            decoder.step(90, cache);
            cache.advanceTo(3);
            assertThat(decoder.step(TOKENS[3], cache)).containsExactly(steps.get(3));
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16", "Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K", "NF4"})
    void aSequenceHasTheSameBitsAloneAndAmongOthers(DType dtype) {
        var model = new SyntheticModel(dtype, SyntheticModel.Dimensions.smallest(dtype));
        var alone = logits(model, Kernels.best(), 1);
        try (var decoder = RowDecoder.of(model.spec(), model, Kernels.best(), 2)) {
            for (var others : new int[] {1, 2, 3, 4, 15}) {
                var caches = new ArrayList<KvCache>();
                for (var i = 0; i <= others; i++) {
                    caches.add(KvCache.of(model.spec(), 20 + i));
                }
                // The others are at different places.
                for (var i = 0; i < others; i++) {
                    for (var j = 0; j < i % 5; j++) {
                        decoder.step(7 + j, caches.get(i));
                    }
                }
                var tokens = new int[others + 1];
                for (var i = 0; i < TOKENS.length; i++) {
                    Arrays.fill(tokens, 11 + i);
                    tokens[others] = TOKENS[i];
                    assertThat(decoder.step(tokens, caches)[others]).containsExactly(alone.get(i));
                }
                caches.forEach(KvCache::close);
            }
        }
    }

    @Test
    void severalTokensOfASequenceGiveTheLogitsOfEach() {
        var model = new SyntheticModel(DType.F32, SyntheticModel.Dimensions.TINY);
        var alone = logits(model, Kernels.best(), 1);
        try (var decoder = RowDecoder.of(model.spec(), model, Kernels.best(), 2);
                var cache = KvCache.of(model.spec(), TOKENS.length)) {
            decoder.step(TOKENS[0], cache);
            var after = decoder.steps(Arrays.copyOfRange(TOKENS, 1, TOKENS.length), cache);
            for (var i = 1; i < TOKENS.length; i++) {
                assertThat(after[i - 1]).containsExactly(alone.get(i));
            }
            assertThat(cache.length()).isEqualTo(TOKENS.length);
            assertThatThrownBy(() -> decoder.steps(new int[17], cache)).hasMessageContaining("at most 16");
        }
    }

    @Test
    void longTextsAreJoinedFromStretches() {
        var model = new SyntheticModel(DType.F32, SyntheticModel.Dimensions.TINY);
        var text = new int[model.spec().maxPositions()];
        for (var i = 0; i < text.length; i++) {
            text[i] = i * 31 % model.spec().vocabSize();
        }
        try (var vectors = RowDecoder.of(model.spec(), model, Kernels.best(), 3);
                var loops = RowDecoder.of(
                        model.spec(), model, Kernels.scalar(Kernels.best().lanes()), 1);
                var one = KvCache.of(model.spec(), text.length);
                var other = KvCache.of(model.spec(), text.length)) {
            assertThat(vectors.prefill(text, one)).containsExactly(loops.prefill(text, other));
        }
    }

    @Test
    void aTextDependsOnItsEarlierTokens() {
        var model = new SyntheticModel(DType.F32, SyntheticModel.Dimensions.TINY);
        try (var decoder = RowDecoder.of(model.spec(), model, Kernels.best(), 1);
                var cache = KvCache.of(model.spec(), 4)) {
            decoder.step(1, cache);
            var after = decoder.step(2, cache).clone();
            cache.advanceTo(0);
            decoder.step(3, cache);
            assertThat(decoder.step(2, cache)).isNotEqualTo(after);
        }
    }

    @Test
    void aStrangeTokenOrAFullCacheIsRefused() {
        var model = new SyntheticModel(DType.F32, SyntheticModel.Dimensions.TINY);
        try (var decoder = RowDecoder.of(model.spec(), model, Kernels.best(), 1);
                var cache = KvCache.of(model.spec(), 1)) {
            assertThatThrownBy(() -> decoder.step(97, cache)).hasMessageContaining("vocabulary of 97");
            assertThatThrownBy(() -> decoder.step(-1, cache)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> decoder.prefill(new int[0], cache)).isInstanceOf(IllegalArgumentException.class);
            decoder.step(1, cache);
            assertThatThrownBy(() -> decoder.step(1, cache)).hasMessageContaining("full at 1");
        }
    }
}
