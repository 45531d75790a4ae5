package dev.lowrank.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import dev.lowrank.testing.GoldenEncoder;
import dev.lowrank.testing.NoNativeLeaks;
import dev.lowrank.testing.TensorAssert;
import dev.lowrank.testing.Tolerance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Encoders compute what `transformers` computes.
@NoNativeLeaks
class TorchEncoderTest {
    static Stream<GoldenEncoder> all() {
        return GoldenEncoder.all();
    }

    private static void with(GoldenEncoder golden, Consumer<TorchEncoder> work) {
        TensorScope.tidyRun(() -> {
            try (var model = LanguageModel.open(golden.folder());
                    var encoder = TorchEncoder.load(model)) {
                work.accept(encoder);
            }
        });
    }

    @ParameterizedTest
    @MethodSource("all")
    void hiddenStatesEqualTransformers(GoldenEncoder golden) {
        with(
                golden,
                encoder -> TensorAssert.assertThat(encoder.hidden(golden.texts(), golden.segments()))
                        .hasShape(2, 17, 32)
                        .isCloseTo(golden.expected("hidden"), Tolerance.GOLDEN_LOGITS));
    }

    @ParameterizedTest
    @MethodSource("all")
    void aBlockForBackwardPassesEqualsTransformersToo(GoldenEncoder golden) {
        TensorScope.tidyRun(() -> {
            try (var model = LanguageModel.open(golden.folder())) {
                var spec = model.spec();
                var segments = golden.segments();
                var block = TorchBlock.differentiable(
                        spec, spec.blocks().getFirst(), model.weights(), model.weights()::linear);
                var embedded =
                        Embedding.of(model).lookup(golden.texts(), 0, (text, place) -> segments.get(text)[place]);
                var output = Grad.on(() -> Grad.detached(block.forward(Grad.leaf(embedded), null, null, SiteTap.NONE)));
                TensorAssert.assertThat(output).isCloseTo(golden.expected("hidden_block_0"), Tolerance.GOLDEN_LOGITS);
            }
        });
    }

    @Test
    void aBlockTakenApartGivesTheWhole() {
        Grad.off(() -> TensorScope.tidyRun(() -> {
            try (var model = LanguageModel.open(GoldenEncoder.SENTENCE.folder())) {
                var spec = model.spec();
                var block = TorchBlock.load(spec, spec.blocks().getFirst(), model.weights(), model.weights()::linear);
                var input = Embedding.of(model).lookup(GoldenEncoder.SENTENCE.texts(), 0);
                var attended = block.attended(input, block.heads(input, null));
                TensorAssert.assertThat(block.attentionInput(input)).isCloseTo(input, Tolerance.F64_EXACT);
                TensorAssert.assertThat(block.output(attended, block.mlpHidden(attended)))
                        .isCloseTo(block.forward(input, null, null, SiteTap.NONE), Tolerance.F32_MATMUL);
            }
        }));
    }

    @Test
    void maskedTokenLogitsEqualTransformers() {
        var golden = GoldenEncoder.MASKED;
        with(golden, encoder -> {
            assertThat(encoder.scoresTokens()).isTrue();
            TensorAssert.assertThat(encoder.tokens(encoder.hidden(golden.texts(), golden.segments())))
                    .hasShape(2, 17, 96)
                    .isCloseTo(golden.expected("logits"), Tolerance.GOLDEN_LOGITS);
        });
    }

    @Test
    void classifierScoresEqualTransformersAndHaveTheirLabels() {
        var golden = GoldenEncoder.CLASSIFIER;
        with(golden, encoder -> {
            var hidden = encoder.hidden(golden.texts(), golden.segments());
            assertThat(encoder.labelNames()).containsExactly("entailment", "not_entailment", "neither");
            TensorAssert.assertThat(encoder.pooled(hidden))
                    .isCloseTo(golden.expected("pooled"), Tolerance.GOLDEN_LOGITS);
            TensorAssert.assertThat(encoder.labels(hidden))
                    .hasShape(2, 3)
                    .isCloseTo(golden.expected("labels"), Tolerance.GOLDEN_LOGITS);
        });
    }

    @Test
    void laterTokensReachEarlierPositions() {
        var golden = GoldenEncoder.SENTENCE;
        with(golden, encoder -> {
            var text = golden.texts().getFirst();
            var changed = text.clone();
            changed[16] = (changed[16] + 1) % 96;
            var first = encoder.hidden(List.of(text)).select(1, 0);
            var other = encoder.hidden(List.of(changed)).select(1, 0);
            assertThat(first.sub(other).abs().max().item()).isGreaterThan(1e-3);
        });
    }

    @ParameterizedTest
    @MethodSource("all")
    void textsOfABatchDoNotSeeEachOther(GoldenEncoder golden) {
        with(golden, encoder -> {
            var alone = Tensors.cat(
                    golden.texts().stream()
                            .map(text -> encoder.hidden(List.of(text)))
                            .toList(),
                    0);
            TensorAssert.assertThat(encoder.hidden(golden.texts())).isCloseTo(alone, Tolerance.F32_LOGITS);
        });
    }

    @Test
    void whatAnEncoderLacksIsRefusedByName() {
        with(GoldenEncoder.SENTENCE, encoder -> {
            var hidden = encoder.hidden(GoldenEncoder.SENTENCE.texts());
            assertThatThrownBy(() -> encoder.tokens(hidden)).hasMessageContaining("no masked-token head");
            assertThatThrownBy(() -> encoder.labels(hidden)).hasMessageContaining("no classifier");
            assertThatThrownBy(() -> encoder.hidden(List.of(new int[65]))).hasMessageContaining("65 tokens");
            assertThatThrownBy(() -> encoder.hidden(List.of(new int[] {96}))).hasMessageContaining("96");
        });
    }

    @Test
    void enginesOfDecodersRefuseEncoders() {
        try (var model = LanguageModel.open(GoldenEncoder.MASKED.folder())) {
            assertThatThrownBy(() -> TorchDecoder.load(model, Residency.STREAMED))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("an encoder")
                    .hasMessageContaining("evaluate --tasks");
            assertThatThrownBy(() -> RowDecoder.of(model)).isInstanceOf(CheckpointException.class);
            assertThatThrownBy(() -> model.spec().head()).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void variantsThatAreBuiltOtherwiseAreRefused(@TempDir Path folder) throws IOException {
        var config = Files.readString(GoldenEncoder.MASKED.folder().resolve("config.json"));
        Files.copy(GoldenEncoder.MASKED.folder().resolve("model.safetensors"), folder.resolve("model.safetensors"));
        for (var change : List.of(
                new String[] {"\"is_decoder\": false", "\"is_decoder\": true", "is_decoder"},
                new String[] {
                    "\"pad_token_id\": 0", "\"position_embedding_type\": \"relative_key\"", "position_embedding_type"
                },
                new String[] {"\"hidden_act\": \"gelu\"", "\"hidden_act\": \"quick_gelu\"", "hidden_act"},
                new String[] {"\"num_attention_heads\": 4", "\"num_attention_heads\": 5", "num_attention_heads"})) {
            Files.writeString(folder.resolve("config.json"), config.replace(change[0], change[1]));
            assertThatThrownBy(() -> LanguageModel.open(folder))
                    .as(Arrays.toString(change))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining(change[2]);
        }
    }
}
