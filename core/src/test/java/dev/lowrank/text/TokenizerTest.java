package dev.lowrank.text;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class TokenizerTest {
    @Test
    @Tag("shared")
    void pocketSmoke() {
        try (var t = Tokenizer.open(SharedFiles.of("models/pocket"))) {
            assertThat(t.decode(t.encode("def f(x):\n    return x"))).isEqualTo("def f(x):\n    return x");
            assertThat(t.vocabularySize()).isEqualTo(4096);
            assertThat(t.endOfText()).containsExactly(0);
            assertThat(t.files()).containsOnlyKeys("tokenizer.json", "tokenizer_config.json", "generation_config.json");
        }
    }
}
