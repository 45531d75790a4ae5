package dev.lowrank.model.output;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.GgufFile;
import dev.lowrank.model.KvCache;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.tensor.TypeConversion;
import dev.lowrank.testing.CompressedForm;
import dev.lowrank.testing.GoldenEncoder;
import dev.lowrank.testing.GoldenModel;
import dev.lowrank.testing.NoNativeLeaks;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@NoNativeLeaks
class GgufExportTest {
    private static final Path POCKET =
            Path.of(System.getProperty("lowrank.root", ".")).resolve("models/pocket");

    @TempDir
    Path folder;

    private static float[] logits(LanguageModel model) {
        var tokens = new int[] {5, 17, 60, 3, 80, 41, 41, 9};
        try (var decoder = RowDecoder.of(model, 1);
                var cache = KvCache.of(model.spec(), tokens.length)) {
            return decoder.prefill(tokens, cache);
        }
    }

    private GgufExport.Written write(LanguageModel model, String name, GgufForm form) {
        return GgufExport.write(model, folder.resolve(name), form, Progress.silent());
    }

    private LanguageModel open(String name) {
        return LanguageModel.open(folder.resolve(name));
    }

    @ParameterizedTest
    @EnumSource
    void matricesAreReadAsTheyWereRoundedAndNormsAreExact(GgufForm form) {
        try (var pocket = LanguageModel.open(POCKET)) {
            var written = write(pocket, "pocket.gguf", form);
            assertThat(written.architecture()).isEqualTo("llama");
            assertThat(folder.resolve("pocket.gguf")).hasSize(written.bytes());
            assertThat(written.tensors().values().stream().mapToInt(n -> n).sum())
                    .isEqualTo(56);
            try (var read = open("pocket.gguf")) {
                assertThat(read.checkpoint().names())
                        .isEqualTo(pocket.checkpoint().names());
                for (var name : pocket.checkpoint().names()) {
                    var expected = pocket.weights().read(name);
                    var found = read.weights().read(name);
                    if (expected.shape().rank() == 1) {
                        assertThat(found.dtype()).as(name).isEqualTo(DType.F32);
                    }
                    var rounded = TypeConversion.convert(expected, found.dtype(), name, Arena.ofAuto());
                    assertThat(found.data().mismatch(rounded.data())).as(name).isEqualTo(-1);
                }
                assertThat(read.weights()
                                .read("model.layers.1.self_attn.q_proj.weight")
                                .dtype())
                        .isEqualTo(form.dtype());
                assertThat(read.spec()).isEqualTo(pocket.spec());
            }
        }
    }

    @Test
    void rowsThatAreNotWholeBlocksTakeAnotherTypeAndItIsSaid() {
        try (var pocket = LanguageModel.open(POCKET)) {
            var written = write(pocket, "q4k.gguf", GgufForm.Q4_K);
            assertThat(written.tensors()).containsEntry("Q5_0", 6).containsEntry("Q6_K", 1);
            assertThat(written.notes())
                    .anySatisfy(note -> assertThat(note).contains("6 matrices are Q5_0 (rows of 704)"))
                    .anySatisfy(note ->
                            assertThat(note).contains("token_embd.weight").contains("Q6_K"));
            try (var read = open("q4k.gguf")) {
                assertThat(read.weights()
                                .read("model.layers.0.mlp.down_proj.weight")
                                .dtype())
                        .isEqualTo(DType.Q5_0);
                assertThat(read.weights().embedding().dtype()).isEqualTo(DType.Q6_K);
            }
        }
    }

    @Test
    void theTokenizerGivesTheSameIds() {
        var text = "def f(x):\n    return \"naïve — 12345 €\"  # <|endoftext|>\n";
        try (var pocket = LanguageModel.open(POCKET);
                var expected = pocket.tokenizer()) {
            write(pocket, "pocket.gguf", null);
            try (var read = open("pocket.gguf");
                    var tokenizer = read.tokenizer()) {
                assertThat(tokenizer.encode(text)).containsExactly(expected.encode(text));
                assertThat(tokenizer.endOfText()).isEqualTo(expected.endOfText());
                assertThat(tokenizer.addsBos()).isEqualTo(expected.addsBos());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-gqa-tied", "llama-rope-linear", "llama-rope-yarn", "qwen2-tied"})
    void theModelComputesTheSame(String golden) throws IOException {
        var source = SmallModels.copy(GoldenModel.of(golden), folder.resolve("source"));
        try (var model = LanguageModel.open(source)) {
            write(model, "model.gguf", GgufForm.F32);
            try (var read = open("model.gguf")) {
                assertThat(logits(read)).containsExactly(logits(model));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "llama-gqa-tied, FACTORED, llama",
        "llama-gqa-tied, PIVOTED_BIASED, llama",
        "llama-gqa-tied, TUCKER_SPARSE, llama",
        "qwen2-tied, PIVOTED, qwen2",
        "qwen2-tied, PIVOTED_SPARSE, qwen2",
        "qwen2-tied, PIVOTED_BIASED, llama"
    })
    void factorsAreMultipliedBack(String golden, CompressedForm form, String architecture) throws IOException {
        var source = SmallModels.copy(GoldenModel.of(golden), folder.resolve("source"));
        var compressed = folder.resolve("compressed");
        try (var model = LanguageModel.open(source)) {
            form.write(model, 0.6, compressed);
        }
        try (var model = LanguageModel.open(compressed)) {
            var written = write(model, "model.gguf", GgufForm.F32);
            assertThat(written.architecture()).isEqualTo(architecture);
            assertThat(written.notes()).anySatisfy(note -> assertThat(note).contains("multiplied back"));
            try (var read = open("model.gguf")) {
                var expected = logits(model);
                var found = logits(read);
                for (var i = 0; i < expected.length; i++) {
                    assertThat(found[i]).isCloseTo(expected[i], org.assertj.core.api.Assertions.within(2e-4f));
                }
            }
        }
    }

    @Test
    void aGgufFileGoesThroughWithoutAChange() throws IOException {
        try (var pocket = LanguageModel.open(POCKET)) {
            write(pocket, "first.gguf", GgufForm.Q4_0);
        }
        try (var first = open("first.gguf")) {
            write(first, "kept.gguf", null);
            write(first, "again.gguf", GgufForm.Q4_0);
            var wider = write(first, "wider.gguf", GgufForm.Q8_0);
            assertThat(wider.tensors()).containsOnlyKeys("F32", "Q8_0");
            assertThat(wider.notes()).anySatisfy(note -> assertThat(note).startsWith("43 matrices were in blocks"));
        }
        assertThat(folder.resolve("kept.gguf")).hasSameBinaryContentAs(folder.resolve("first.gguf"));
        assertThat(folder.resolve("again.gguf")).hasSameBinaryContentAs(folder.resolve("first.gguf"));
        try (var first = (GgufFile) open("first.gguf").checkpoint();
                var wider = (GgufFile) open("wider.gguf").checkpoint()) {
            for (var key : first.metadata().keys()) {
                if (!key.equals("general.file_type")) {
                    assertThat(wider.metadata().display(key))
                            .as(key)
                            .isEqualTo(first.metadata().display(key));
                }
            }
            assertThat(wider.metadata().display("general.file_type")).isEqualTo(7L);
        }
    }

    @Test
    void whatLlamaCppDoesNotRunIsRefusedAndLeavesNothing() throws IOException {
        var bert = GoldenEncoder.all().findFirst().orElseThrow();
        try (var model = LanguageModel.open(bert.folder())) {
            assertThatThrownBy(() -> write(model, "model.gguf", GgufForm.F32))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("not written as GGUF");
        }
        var relu = SmallModels.copy(GoldenModel.of("gpt2"), folder.resolve("relu"));
        var config = relu.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("gelu_new", "relu"));
        try (var model = LanguageModel.open(relu)) {
            assertThatThrownBy(() -> write(model, "model.gguf", GgufForm.F32))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("relu");
        }
        assertThat(files()).containsExactly("relu");
    }

    @Test
    void aWeightThatNoTypeHoldsIsNamedAndLeavesNothing() throws IOException {
        var source = SmallModels.copy(GoldenModel.of("llama-gqa-tied"), folder.resolve("source"));
        BrokenWeights.put(source, "model.layers.1.mlp.up_proj.weight", Float.POSITIVE_INFINITY);
        try (var model = LanguageModel.open(source)) {
            assertThatThrownBy(() -> write(model, "model.gguf", GgufForm.Q8_0))
                    .isInstanceOf(NumericalException.class)
                    .hasMessageContaining("blk.1.ffn_up.weight");
        }
        BrokenWeights.put(source, "model.layers.1.mlp.up_proj.weight", 1e8f);
        try (var model = LanguageModel.open(source)) {
            assertThatThrownBy(() -> write(model, "model.gguf", GgufForm.Q8_0))
                    .isInstanceOf(NumericalException.class)
                    .hasMessageContaining("too large for Q8_0");
        }
        assertThat(files()).containsExactly("source");
    }

    private List<String> files() throws IOException {
        try (var files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }
}
