package dev.lowrank.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.checkpoint.SentenceModules.Pooling;
import dev.lowrank.testing.GoldenEncoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SentenceModulesTest {
    @TempDir
    Path folder;

    private void modules(String... types) throws IOException {
        var list = new StringBuilder();
        for (var i = 0; i < types.length; i++) {
            list.append(i == 0 ? "" : ",")
                    .append("{\"path\":\"")
                    .append(types[i].equals("Pooling") ? "1_Pooling" : "")
                    .append("\",\"type\":\"sentence_transformers.models.")
                    .append(types[i])
                    .append("\"}");
        }
        Files.writeString(folder.resolve("modules.json"), "[" + list + "]");
    }

    private void pooling(String config) throws IOException {
        Files.createDirectories(folder.resolve("1_Pooling"));
        Files.writeString(folder.resolve("1_Pooling/config.json"), config);
    }

    @Test
    void theFixtureAveragesNormalisesAndReads24Tokens() {
        assertThat(SentenceModules.read(GoldenEncoder.SENTENCE.folder()))
                .contains(new SentenceModules(Pooling.MEAN, true, 24, false));
    }

    @Test
    void aFolderWithoutModulesSaysNothing() {
        assertThat(SentenceModules.read(folder)).isEmpty();
    }

    @Test
    void bothSpellingsOfPoolingAreRead() throws IOException {
        modules("Transformer", "Pooling");
        pooling("{\"pooling_mode_cls_token\":true,\"pooling_mode_mean_tokens\":false}");
        assertThat(SentenceModules.read(folder)).contains(new SentenceModules(Pooling.CLS, false, 0, false));
        pooling("{\"embedding_dimension\":8,\"pooling_mode\":\"cls\"}");
        assertThat(SentenceModules.read(folder).orElseThrow().pooling()).isEqualTo(Pooling.CLS);
        pooling("{\"pooling_mode\":[\"mean\"]}");
        assertThat(SentenceModules.read(folder).orElseThrow().pooling()).isEqualTo(Pooling.MEAN);
    }

    @Test
    void otherPoolingsAndModulesAreRefusedByName() throws IOException {
        modules("Transformer", "Pooling");
        pooling("{\"pooling_mode_cls_token\":true,\"pooling_mode_max_tokens\":true}");
        assertThatThrownBy(() -> SentenceModules.read(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("cls and max");
        modules("Transformer", "Dense");
        assertThatThrownBy(() -> SentenceModules.read(folder)).hasMessageContaining("Dense");
    }

    @Test
    void aModulePathThatLeavesTheFolderIsRefused() throws IOException {
        Files.writeString(
                folder.resolve("modules.json"),
                "[{\"path\":\"../other\",\"type\":\"sentence_transformers.models.Pooling\"}]");
        assertThatThrownBy(() -> SentenceModules.read(folder)).isInstanceOf(CheckpointException.class);
        Files.writeString(folder.resolve("modules.json"), "{}");
        assertThatThrownBy(() -> SentenceModules.read(folder)).hasMessageContaining("array");
    }

    @Test
    void thePoolingsFileGoesWithTheModel() {
        try (var checkpoint = Checkpoint.open(GoldenEncoder.SENTENCE.folder())) {
            assertThat(checkpoint.sidecars().stream()
                            .map(file -> GoldenEncoder.SENTENCE
                                    .folder()
                                    .relativize(file)
                                    .toString()
                                    .replace('\\', '/')))
                    .contains("modules.json", "sentence_bert_config.json", "1_Pooling/config.json", "tokenizer.json");
        }
    }
}
