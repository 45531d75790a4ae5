package dev.lowrank.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.testing.SyntheticLlama.Size;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SyntheticLlamaTest {
    private static final Size SMALL = new Size(32, 3, 4, 2, 48, 300);
    private static final String TOKENIZER = """
            {"version": "1.0", "added_tokens": [{"id": 2, "content": "<|end|>", "special": true, "single_word": false,
             "lstrip": false, "rstrip": false, "normalized": false}],
             "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
             "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 3}, "merges": ["a b"]}}
            """;

    @TempDir
    Path root;

    @Test
    void theLargeOneHasThreeBillionParameters() {
        assertThat(Size.THREE_BILLION.parameters() / 1e9).isCloseTo(3.0, within(0.1));
    }

    @Test
    void aFolderOfSeveralShardsOpensWithItsPaddedTokenizer() throws IOException {
        var folder = root.resolve("model");
        SyntheticLlama.write(folder, SMALL, 5, 20_000);
        var from = Files.createDirectory(root.resolve("tokenizer"));
        Files.writeString(from.resolve("tokenizer.json"), TOKENIZER);
        SyntheticLlama.addTokenizer(folder, from, SMALL.vocab());
        try (var files = Files.list(folder)) {
            assertThat(files.filter(file -> file.toString().endsWith(".safetensors")))
                    .hasSizeGreaterThan(2)
                    .allSatisfy(file -> assertThat(Files.size(file)).isLessThan(24_000));
        }
        try (var model = LanguageModel.open(folder);
                var tokenizer = model.tokenizer()) {
            assertThat(model.weights().parameters()).isEqualTo(SMALL.parameters());
            assertThat(tokenizer.vocabularySize()).isEqualTo(SMALL.vocab());
            assertThat(tokenizer.encode("ab")).containsExactly(3);
            var weight = model.weights().read("model.layers.1.mlp.down_proj.weight"); // [32, 48]
            var squares = 0.0;
            for (var value : weight.toFloats()) {
                squares += value * value;
            }
            assertThat(squares / 32).isCloseTo(1, within(0.1));
            assertThat(model.weights().scale("model.norm").toFloats()).containsOnly(1);
        }
    }

    @Test
    void theSeedDecidesEveryByte() throws IOException {
        for (var name : new String[] {"one", "same", "other"}) {
            SyntheticLlama.write(root.resolve(name), SMALL, name.equals("other") ? 6 : 5);
        }
        var one = root.resolve("one/model.safetensors");
        assertThat(root.resolve("same/model.safetensors")).hasSameBinaryContentAs(one);
        assertThat(Files.mismatch(root.resolve("other/model.safetensors"), one)).isPositive();
    }

    @Test
    void aTokenizerThatDoesNotFitIsRefused() throws IOException {
        Files.writeString(root.resolve("tokenizer.json"), TOKENIZER);
        assertThatThrownBy(() -> SyntheticLlama.addTokenizer(root, root, 3))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("knows 4 tokens");
    }
}
