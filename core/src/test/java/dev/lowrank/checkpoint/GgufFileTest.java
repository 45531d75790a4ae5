package dev.lowrank.checkpoint;

import static dev.lowrank.checkpoint.CodeAssert.assertRefused;
import static dev.lowrank.checkpoint.CodeAssert.file;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GgufFileTest {
    @TempDir
    Path folder;

    private static byte[] golden(String name) throws IOException {
        try (var stream = GgufFileTest.class.getResourceAsStream("/golden/gguf/" + name)) {
            return Objects.requireNonNull(stream, name).readAllBytes();
        }
    }

    private GgufFile open(GgufBytes recipe) {
        return GgufFile.open(file(folder, "model.gguf", recipe.build()));
    }

    private static GgufBytes withEmbedding(GgufBytes recipe) {
        return recipe.tensor("token_embd.weight", new float[40], 8, 5);
    }

    @ParameterizedTest
    @CsvSource({"Q4_0,2", "Q4_1,3", "Q5_0,6", "Q5_1,7", "Q8_0,8", "Q4_K,12", "Q5_K,13", "Q6_K,14"})
    void blocksDecodeAsTheReferenceDoes(String type, int id) throws IOException {
        var expected = MemorySegment.ofArray(golden(type + ".f32"));
        var rows = expected.byteSize() / 4 / 256;
        var recipe = GgufBytes.llama().tensor("token_embd.weight", id, golden(type + ".blocks"), 256, rows);
        try (var file = open(recipe)) {
            var read = file.read("model.embed_tokens.weight");
            assertThat(read.dtype()).isEqualTo(DType.valueOf(type));
            assertThat(read.data().isMapped()).as("no copy").isTrue();
            assertThat(file.info("model.embed_tokens.weight").storedType()).isEqualTo(type);
            assertThat(file.info("model.embed_tokens.weight").dtype()).isEqualTo(DType.F32);
            var reference = new HostTensor(DType.F32, Shape.of(rows, 256), expected);
            assertThat(read.toFloats()).containsExactly(reference.toFloats());
            file.release("model.embed_tokens.weight");
            assertThat(read.toFloats()).as("read again").containsExactly(reference.toFloats());
        }
    }

    @Test
    void configIsThatOfTheSourceModel() {
        try (var file = open(withEmbedding(GgufBytes.llama().u32("tokenizer.ggml.padding_token_id", -1)))) {
            var config = file.config();
            assertThat(config.modelType()).isEqualTo("llama");
            assertThat(config.requireInt("hidden_size", 1, 100)).isEqualTo(8);
            assertThat(config.requireInt("head_dim", 1, 100)).isEqualTo(4);
            assertThat(config.requireInt("num_key_value_heads", 1, 100)).isEqualTo(1);
            assertThat(config.requireInt("vocab_size", 1, 100)).isEqualTo(5);
            assertThat(config.doubleOr("rms_norm_eps", 0)).isEqualTo(1e-5);
            assertThat(config.booleanOr("tie_word_embeddings", false)).isTrue();
            assertThat(config.ints("pad_token_id")).isEmpty();
            assertThat(config.rope().type()).isEqualTo("default");
            assertThat(config.rope().theta()).isEqualTo(500_000);
            assertThat(config.dtype()).isEqualTo(DType.F32);
        }
    }

    @Test
    void outputWeightMeansUntied() {
        var recipe = withEmbedding(GgufBytes.llama()).tensor("output.weight", new float[40], 8, 5);
        try (var file = open(recipe)) {
            assertThat(file.config().booleanOr("tie_word_embeddings", true)).isFalse();
            assertThat(file.names()).containsExactly("lm_head.weight", "model.embed_tokens.weight");
        }
    }

    @Test
    void rowOrderOfLlamaQueriesIsUndone() {
        // Two heads of four rows: a converter stores the rows 0 1 2 3 of a head as 0 2 1 3.
        var stored = new float[64];
        var order = new int[] {0, 2, 1, 3, 4, 6, 5, 7};
        for (var row = 0; row < 8; row++) {
            for (var column = 0; column < 8; column++) {
                stored[row * 8 + column] = order[row];
            }
        }
        var recipe = withEmbedding(GgufBytes.llama())
                .tensor("blk.0.attn_q.weight", stored, 8, 8)
                .tensor("blk.0.attn_v.weight", stored, 8, 8)
                .tensor("blk.0.attn_q.bias", new float[] {0, 2, 1, 3, 4, 6, 5, 7}, 8);
        try (var file = open(recipe)) {
            var read = file.read("model.layers.0.self_attn.q_proj.weight").toFloats();
            for (var i = 0; i < 64; i++) {
                var row = i / 8;
                assertThat(read[i]).isEqualTo(row);
            }
            assertThat(file.read("model.layers.0.self_attn.q_proj.bias").toFloats())
                    .containsExactly(0, 1, 2, 3, 4, 5, 6, 7);
            assertThat(file.read("model.layers.0.self_attn.v_proj.weight").toFloats())
                    .containsExactly(stored);
        }
    }

    @Test
    void rowsOfBlocksAreReorderedWhole() {
        // Two heads of four rows of one block each; the scale of a row is its number.
        var order = new int[] {0, 2, 1, 3, 4, 6, 5, 7};
        var stored = new byte[8 * 20];
        for (var row = 0; row < 8; row++) {
            var at = row * 20;
            var scale = Float.floatToFloat16(order[row]);
            stored[at] = (byte) scale;
            stored[at + 1] = (byte) (scale >> 8);
            Arrays.fill(stored, at + 4, at + 20, (byte) 0x11);
        }
        var recipe = withEmbedding(GgufBytes.llama()).tensor("blk.0.attn_q.weight", 3, stored, 32, 8);
        try (var file = open(recipe)) {
            var name = "model.layers.0.self_attn.q_proj.weight";
            var read = file.read(name);
            assertThat(read.dtype()).isEqualTo(DType.Q4_1);
            file.release(name);
            for (var i = 0; i < 256; i++) {
                var row = i / 32;
                assertThat(read.get(i)).isEqualTo(row);
            }
        }
    }

    @Test
    void rowOrderOfQwenIsKept() {
        var stored = new float[64];
        for (var i = 0; i < 64; i++) {
            stored[i] = i;
        }
        var recipe = new GgufBytes()
                .text("general.architecture", "qwen2")
                .u32("qwen2.block_count", 1)
                .u32("qwen2.context_length", 16)
                .u32("qwen2.embedding_length", 8)
                .u32("qwen2.feed_forward_length", 12)
                .u32("qwen2.attention.head_count", 2);
        try (var file = open(withEmbedding(recipe).tensor("blk.0.attn_q.weight", stored, 8, 8))) {
            assertThat(file.config().modelType()).isEqualTo("qwen2");
            assertThat(file.read("model.layers.0.self_attn.q_proj.weight").toFloats())
                    .containsExactly(stored);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"blk.0.ffn_gate_exps.weight", "blk.1.attn_q.weight", "v.patch_embd.weight"})
    void tensorThatTheArchitectureLacksIsNamed(String name) {
        var recipe = withEmbedding(GgufBytes.llama()).tensor(name, new float[8], 8);
        var refusal = assertRefused(Code.CFG_UNSUPPORTED, () -> open(recipe));
        assertThat(refusal).hasMessageContaining(name);
    }

    @Test
    void divisorsOfLlama3BecomeItsParameters() {
        var divisors = llama3Divisors(8);
        try (var file = open(llama3(divisors))) {
            var rope = file.config().rope();
            assertThat(rope.type()).isEqualTo("llama3");
            assertThat(rope.numberOr("factor", 0)).isEqualTo(8);
            assertThat(rope.numberOr("original_max_position_embeddings", 0)).isEqualTo(8192);
            assertThat(file.names()).containsExactly("model.embed_tokens.weight");
        }
        divisors[9] *= 1.5f;
        assertRefused(Code.CFG_UNSUPPORTED, () -> open(llama3(divisors)));
    }

    private static GgufBytes llama3(float[] divisors) {
        return new GgufBytes()
                .text("general.architecture", "llama")
                .u32("llama.block_count", 1)
                .u32("llama.context_length", 16)
                .u32("llama.embedding_length", 64)
                .u32("llama.feed_forward_length", 12)
                .u32("llama.attention.head_count", 1)
                .f32("llama.rope.freq_base", 500_000)
                .tensor("rope_freqs.weight", divisors, 32)
                .tensor("token_embd.weight", new float[128], 64, 2);
    }

    /// Written from the formula of the model family: wavelength below 2048 stays, above 8192 is divided,
    /// between blends.
    private static float[] llama3Divisors(double factor) {
        var divisors = new float[32];
        for (var i = 0; i < 32; i++) {
            var frequency = 1 / Math.pow(500_000, i / 32.0);
            var wavelength = 2 * Math.PI / frequency;
            var smooth = Math.clamp((8192 / wavelength - 1) / 3, 0, 1);
            divisors[i] = (float) (frequency / ((1 - smooth) * frequency / factor + smooth * frequency));
        }
        return divisors;
    }

    @ParameterizedTest
    @CsvSource({"linear,linear,2", "none,default,0"})
    void scalingKeyBecomesItsType(String stored, String type, double factor) {
        var recipe = GgufBytes.llama().text("llama.rope.scaling.type", stored).f32("llama.rope.scaling.factor", 2);
        try (var file = open(withEmbedding(recipe))) {
            assertThat(file.config().rope().type()).isEqualTo(type);
            assertThat(file.config().rope().numberOr("factor", 0)).isCloseTo(factor, within(0.0));
        }
    }

    @Test
    void vocabularyThatDoesNotFitTheEmbeddingIsRefused() {
        var recipe = withEmbedding(GgufBytes.llama().u32("llama.vocab_size", 6));
        assertRefused(Code.CFG_TENSOR_MISMATCH, () -> open(recipe));
    }

    @Test
    void typeWithoutDecoderIsListedAndRefusedWhenRead() {
        var recipe = GgufBytes.llama().tensor("token_embd.weight", 10, new byte[84 * 2], 256, 2);
        try (var file = open(recipe)) {
            assertThat(file.info("model.embed_tokens.weight").storedType()).isEqualTo("Q2_K");
            assertRefused(Code.GG_TENSOR_TYPE, () -> file.read("model.embed_tokens.weight"));
        }
    }

    @Test
    void tokenizerIsHandedOverAsPlainValues() {
        var recipe = withEmbedding(GgufBytes.llama())
                .text("tokenizer.ggml.model", "gpt2")
                .text("tokenizer.ggml.pre", "smollm")
                .texts("tokenizer.ggml.tokens", "a", "b", "ab")
                .ints("tokenizer.ggml.token_type", 1, 1, 1)
                .texts("tokenizer.ggml.merges", "a b")
                .u32("tokenizer.ggml.eos_token_id", 2)
                .text("tokenizer.chat_template", "{{ x }}");
        try (var file = open(recipe)) {
            var tokenizer = file.tokenizer();
            assertThat(tokenizer.model()).isEqualTo("gpt2");
            assertThat(tokenizer.pre()).isEqualTo("smollm");
            assertThat(tokenizer.tokens()).containsExactly("a", "b", "ab");
            assertThat(tokenizer.merges()).containsExactly("a b");
            assertThat(tokenizer.scores()).isEmpty();
            assertThat(tokenizer.eosId()).isEqualTo(2);
            assertThat(tokenizer.bosId()).isEqualTo(-1);
            assertThat(tokenizer.addBos()).isFalse();
            assertThat(tokenizer.chatTemplate()).isEqualTo("{{ x }}");
        }
    }

    @Test
    void versionTwoIsRead() {
        try (var file = GgufFile.open(
                file(folder, "v2.gguf", withEmbedding(GgufBytes.llama()).build(2)))) {
            assertThat(file.names()).containsExactly("model.embed_tokens.weight");
        }
    }
}
