package dev.lowrank.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.testing.GoldenEncoder;
import dev.lowrank.testing.GoldenModel;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.testing.TensorAssert;
import dev.lowrank.testing.Tolerance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@NoNativeLeaks
class TorchDecoderTest {
    private static final GoldenModel DYNAMIC = GoldenModel.of("llama-rope-dynamic");

    static Stream<GoldenModel> all() {
        return GoldenModel.all();
    }

    /// Those whose stored windows lie within their context.
    static Stream<GoldenModel> within() {
        return GoldenModel.all().filter(golden -> !golden.equals(DYNAMIC));
    }

    private static void with(Path folder, Residency residency, Consumer<TorchDecoder> work) {
        TensorScope.tidyRun(() -> {
            try (var model = LanguageModel.open(folder);
                    var decoder = TorchDecoder.load(model, residency)) {
                work.accept(decoder);
            }
        });
    }

    private static float[] logits(GoldenModel golden, Residency residency, List<int[]> windows) {
        var found = new ArrayList<float[]>();
        with(
                golden.folder(),
                residency,
                decoder -> found.add(decoder.logits(windows).toFloats()));
        return found.getFirst();
    }

    private static void assertEqualsTransformers(Path folder, GoldenModel golden) {
        with(
                folder,
                Residency.RESIDENT,
                decoder -> TensorAssert.assertThat(decoder.logits(golden.windows()))
                        .isCloseTo(golden.logits(), Tolerance.GOLDEN_LOGITS));
    }

    @Test
    void thereAreFixturesOfAllArchitectures() {
        var names = Stream.concat(
                all().map(GoldenModel::toString), GoldenEncoder.all().map(GoldenEncoder::toString));
        assertThat(names.map(name -> name.split("-", 2)[0]).distinct())
                .containsExactlyInAnyOrderElementsOf(Architectures.all().stream()
                        .map(Architecture::modelType)
                        .toList());
    }

    @ParameterizedTest
    @MethodSource("within")
    void logitsEqualTransformers(GoldenModel golden) {
        assertEqualsTransformers(golden.folder(), golden);
    }

    @Test
    void ropeInTheOlderSpellingIsTheSame(@TempDir Path folder) throws IOException {
        var golden = GoldenModel.of("llama-rope-llama3-biased");
        Files.copy(golden.folder().resolve("config.v4.json"), folder.resolve("config.json"));
        Files.copy(golden.folder().resolve("model.safetensors"), folder.resolve("model.safetensors"));
        assertThat(Files.readString(folder.resolve("config.json"))).contains("rope_scaling");
        assertEqualsTransformers(folder, golden);
    }

    @Test
    void windowsBeyondTheContextAreRefused() {
        with(DYNAMIC.folder(), Residency.STREAMED, decoder -> {
            assertThatThrownBy(() -> decoder.logits(DYNAMIC.windows()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("17")
                    .hasMessageContaining("context of 12");
            var longest = DYNAMIC.windows().stream()
                    .map(window -> Arrays.copyOf(window, 12))
                    .toList();
            TensorAssert.assertThat(decoder.logits(longest)).hasShape(2, 12, 96).isFinite();
        });
    }

    @ParameterizedTest
    @MethodSource("within")
    void streamedBlocksComputeTheSameBits(GoldenModel golden) {
        assertThat(logits(golden, Residency.STREAMED, golden.windows()))
                .containsExactly(logits(golden, Residency.RESIDENT, golden.windows()));
    }

    @ParameterizedTest
    @MethodSource("within")
    void windowsOfABatchDoNotSeeEachOther(GoldenModel golden) {
        with(golden.folder(), Residency.RESIDENT, decoder -> {
            var alone = Tensors.cat(
                    golden.windows().stream()
                            .map(window -> decoder.logits(List.of(window)))
                            .toList(),
                    0);
            TensorAssert.assertThat(decoder.logits(golden.windows())).isCloseTo(alone, Tolerance.F32_LOGITS);
        });
    }

    @ParameterizedTest
    @MethodSource("within")
    void aCacheFilledInPiecesGivesTheUncachedLogits(GoldenModel golden) {
        with(golden.folder(), Residency.RESIDENT, decoder -> {
            var window = golden.windows().getFirst();
            var whole = decoder.logits(List.of(window));
            try (var model = LanguageModel.open(golden.folder());
                    var cache = KvCache.of(model.spec(), window.length)) {
                // Chunks of 5, 1 and 6 tokens, then single steps.
                var ends = new int[] {5, 6, 12, 13, 14, 15, 16, 17};
                var from = 0;
                for (var end : ends) {
                    var last = decoder.prefill(Arrays.copyOfRange(window, from, end), cache);
                    assertThat(cache.length()).isEqualTo(end);
                    TensorAssert.assertThat(Tensors.ofFloats(last, 1, 1, last.length))
                            .isCloseTo(whole.narrow(1, end - 1L, 1), Tolerance.F32_LOGITS);
                    from = end;
                }
                assertThatThrownBy(() -> decoder.prefill(new int[] {1}, cache))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("17");
            }
        });
    }

    @Test
    void bothEnginesGoOnFromOneCache() {
        var golden = GoldenModel.of("llama-gqa-tied");
        var window = golden.windows().getFirst();
        with(golden.folder(), Residency.RESIDENT, decoder -> {
            try (var model = LanguageModel.open(golden.folder());
                    var rows = RowDecoder.of(model, 2);
                    var cache = KvCache.of(model.spec(), window.length)) {
                var whole = decoder.logits(List.of(window));
                decoder.prefill(Arrays.copyOf(window, 9), cache);
                var tenth = rows.step(window[9], cache);
                TensorAssert.assertThat(Tensors.ofFloats(tenth, 1, 1, tenth.length))
                        .isCloseTo(whole.narrow(1, 9, 1), Tolerance.F32_LOGITS);
                var rest = decoder.prefill(Arrays.copyOfRange(window, 10, window.length), cache);
                TensorAssert.assertThat(Tensors.ofFloats(rest, 1, 1, rest.length))
                        .isCloseTo(whole.narrow(1, window.length - 1L, 1), Tolerance.F32_LOGITS);
            }
        });
    }

    @Test
    void noTokensAndStrangeTokensAreRefused() {
        var golden = GoldenModel.of("gpt2");
        with(golden.folder(), Residency.STREAMED, decoder -> {
            assertThatThrownBy(() -> decoder.logits(List.of(new int[] {96})))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("96");
            assertThatThrownBy(() -> decoder.logits(List.of(new int[] {-1})))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> decoder.logits(List.of(new int[] {1, 2}, new int[] {1})))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("length");
            assertThatThrownBy(() -> decoder.logits(List.of())).isInstanceOf(IllegalArgumentException.class);
        });
    }
}
