package dev.lowrank.checkpoint;

import static dev.lowrank.checkpoint.CodeAssert.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.checkpoint.GgufWriter.Entry;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import dev.lowrank.tensor.TypeConversion;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class GgufWriterTest {
    @TempDir
    Path folder;

    private static GgufKeys keys() {
        return new GgufKeys()
                .text("general.architecture", "llama")
                .u32("llama.block_count", 1)
                .u32("llama.context_length", 16)
                .u32("llama.embedding_length", 256)
                .u32("llama.feed_forward_length", 12)
                .u32("llama.attention.head_count", 2)
                .f32("llama.attention.layer_norm_rms_epsilon", 1e-5)
                .bool("tokenizer.ggml.add_bos_token", true)
                .text("tokenizer.ggml.model", "gpt2")
                .texts("tokenizer.ggml.tokens", List.of("a", "ł€𝄞", ""))
                .ints("tokenizer.ggml.token_type", 1, 1, 3)
                .floats("tokenizer.ggml.scores", 0, -1.5f, Float.MIN_VALUE);
    }

    private static HostTensor weights(DType type, int rows) {
        var random = new SplittableRandom(3);
        var values = new float[rows * 256];
        for (var i = 0; i < values.length; i++) {
            values[i] = random.nextFloat() - 0.5f;
        }
        return TypeConversion.convert(HostTensor.ofFloats(values, rows, 256), type, "w", Arena.ofAuto());
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q8_0", "Q4_K", "Q6_K"})
    void whatIsWrittenIsRead(DType type) {
        var path = folder.resolve("new/model.gguf");
        var embedding = weights(type, 3);
        var norm = HostTensor.ofFloats(new float[] {1, 2, 3}, 3);
        var entries = List.of(
                new Entry("output_norm.weight", DType.F32, Shape.of(3)),
                new Entry("token_embd.weight", type, Shape.of(3, 256)));
        try (var writer = GgufWriter.create(path, List.of(), keys(), entries)) {
            assertThat(writer.names()).containsExactly("output_norm.weight", "token_embd.weight");
            writer.write("token_embd.weight", embedding); // any order
            writer.write("output_norm.weight", norm);
            writer.finish();
            assertThat(path).hasSize(writer.bytes());
        }
        assertThat(path.getParent()).isDirectoryContaining(file -> file.equals(path));
        try (var file = GgufFile.open(path)) {
            assertThat(file.info("model.embed_tokens.weight").storedType()).isEqualTo(type.name());
            assertThat(file.read("model.embed_tokens.weight").data().mismatch(embedding.data()))
                    .isEqualTo(-1);
            assertThat(file.read("model.norm.weight").toFloats()).containsExactly(1, 2, 3);
            assertThat(file.tokenizer().tokens()).containsExactly("a", "ł€𝄞", "");
            assertThat(file.tokenizer().tokenTypes()).containsExactly(1, 1, 3);
            assertThat(file.tokenizer().scores()).containsExactly(0, -1.5f, Float.MIN_VALUE);
            assertThat(file.config().doubleOr("rms_norm_eps", 0)).isEqualTo(1e-5);
            assertThat(GgufKeys.of(file.metadata()).toBytes())
                    .as("the keys of the file, written again")
                    .containsExactly(keys().toBytes());
        }
    }

    @Test
    void everyKindOfValueIsCopiedAsItIs() throws IOException {
        var recipe = GgufBytes.llama()
                .pair("x.u8", 0, new byte[] {(byte) 200})
                .pair("x.i8", 1, new byte[] {-3})
                .pair("x.u16", 2, new byte[] {1, (byte) 0xFF})
                .pair("x.i16", 3, new byte[] {1, (byte) 0xFF})
                .pair("x.i32", 5, GgufBytes.u32(-7))
                .pair("x.bool", 7, new byte[] {1})
                .pair("x.u64", 10, GgufBytes.u64(-1))
                .pair("x.i64", 11, GgufBytes.u64(-2))
                .pair("x.f64", 12, GgufBytes.u64(Double.doubleToRawLongBits(0.1)))
                .pair("x.bools", 9, GgufBytes.join(GgufBytes.u32(7), GgufBytes.u64(2), new byte[] {1, 0}))
                .pair("x.doubles", 9, GgufBytes.join(GgufBytes.u32(12), GgufBytes.u64(1), GgufBytes.u64(77)))
                .pair("x.bytes", 9, GgufBytes.join(GgufBytes.u32(0), GgufBytes.u64(2), new byte[] {1, -1}))
                .tensor("token_embd.weight", new float[40], 8, 5);
        var source = folder.resolve("source.gguf");
        Files.write(source, recipe.build());
        var copy = folder.resolve("copy.gguf");
        try (var file = GgufFile.open(source);
                var writer = GgufWriter.create(
                        copy,
                        List.of(source),
                        GgufKeys.of(file.metadata()),
                        List.of(new Entry("token_embd.weight", DType.F32, Shape.of(5, 8))))) {
            writer.write("token_embd.weight", file.read("model.embed_tokens.weight"));
            writer.finish();
        }
        assertThat(copy).hasSameBinaryContentAs(source);
    }

    @Test
    void anUnfinishedFileLeavesNothing() {
        var path = folder.resolve("model.gguf");
        var entries = List.of(new Entry("token_embd.weight", DType.F32, Shape.of(3, 256)));
        try (var writer = GgufWriter.create(path, List.of(), keys(), entries)) {
            assertThatThrownBy(writer::finish)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("token_embd.weight");
        }
        assertThat(folder).isEmptyDirectory();
        var nf4 = List.of(new Entry("a", DType.NF4, Shape.of(1, 64)));
        assertThatThrownBy(() -> GgufWriter.create(path, List.of(), keys(), nf4))
                .hasMessageContaining("GGUF has no type NF4");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void whatIsThereIsNotOverwritten() throws IOException {
        var path = folder.resolve("model.gguf");
        var entries = List.of(new Entry("token_embd.weight", DType.F32, Shape.of(3, 256)));
        try (var writer = GgufWriter.create(path, List.of(), keys(), entries)) {
            assertRefused(Code.OUT_LOCKED, () -> GgufWriter.create(path, List.of(), keys(), entries));
            writer.write("token_embd.weight", weights(DType.F32, 3));
            Files.writeString(path, "somebody else's");
            assertRefused(Code.OUT_EXISTS, writer::finish);
        }
        assertThat(path).hasContent("somebody else's");
        assertThat(folder).isDirectoryContaining(path::equals);
        assertRefused(Code.OUT_EXISTS, () -> GgufWriter.create(path, List.of(), keys(), entries));
        var inside = folder.resolve("b.gguf");
        assertRefused(Code.OUT_IN_INPUT, () -> GgufWriter.create(inside, List.of(folder), keys(), entries));
    }

    @Test
    void tensorsThatTheFormatCannotHoldAreRefused() {
        assertThatThrownBy(() -> new Entry("x".repeat(64), DType.F32, Shape.of(1)))
                .hasMessageContaining("Not a tensor name");
        assertThatThrownBy(() -> new Entry("x", DType.F32, Shape.of(1, 1, 1, 1, 1)))
                .hasMessageContaining("[1, 1, 1, 1, 1]");
        assertThatThrownBy(() -> new Entry("x", DType.F32, Shape.of(0, 3))).hasMessageContaining("[0, 3]");
        var path = folder.resolve("model.gguf");
        var entries = List.of(new Entry("a", DType.F32, Shape.of(3)));
        try (var writer = GgufWriter.create(path, List.of(), keys(), entries)) {
            assertThatThrownBy(() -> writer.write("b", HostTensor.ofFloats(new float[3], 3)))
                    .hasMessageContaining("not declared");
            assertThatThrownBy(() -> writer.write("a", HostTensor.ofFloats(new float[2], 2)))
                    .hasMessageContaining("[3]");
            assertThatThrownBy(() -> writer.write("a", HostTensor.ofFloats(new float[3], 3)))
                    .hasMessageContaining("twice");
        }
    }
}
