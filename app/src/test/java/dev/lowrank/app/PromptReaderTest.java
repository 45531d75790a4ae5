package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.model.KvCache;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.RowDecoder;
import org.junit.jupiter.api.Test;

class PromptReaderTest {
    @Test
    void longPromptsOfLargeModelsGoThroughLibTorch() {
        assertThat(PromptReader.usesTorch(135_000_000, 256)).isFalse();
        assertThat(PromptReader.usesTorch(135_000_000, 512)).isTrue();
        assertThat(PromptReader.usesTorch(3_000_000_000L, 256)).isTrue();
        assertThat(PromptReader.usesTorch(5_475_584, 1024)).isFalse();
    }

    @Test
    void readingFillsTheCache() {
        try (var model = LanguageModel.open(Run.ROOT.resolve("models/pocket"));
                var row = RowDecoder.of(model);
                var reader = new PromptReader(model, row);
                var cache = KvCache.of(model.spec(), 4)) {
            assertThat(reader.prefill(new int[] {5, 6, 7}, cache)).hasSize(4096);
            assertThat(cache.length()).isEqualTo(3);
        }
    }
}
