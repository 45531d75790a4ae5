package dev.lowrank.checkpoint;

import static dev.lowrank.checkpoint.CodeAssert.assertRefused;
import static dev.lowrank.checkpoint.CodeAssert.file;
import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Files of architecture `deci`: blocks of llama with widths of their own.
class GgufDeciTest {
    @TempDir
    Path folder;

    private static GgufBytes deci() {
        return new GgufBytes()
                .text("general.architecture", "deci")
                .u32("deci.block_count", 2)
                .u32("deci.context_length", 16)
                .u32("deci.embedding_length", 8)
                .f32("deci.attention.layer_norm_rms_epsilon", 1e-5f);
    }

    private GgufFile open(GgufBytes recipe) {
        return GgufFile.open(file(
                folder,
                "model.gguf",
                recipe.tensor("token_embd.weight", new float[40], 8, 5).build()));
    }

    @Test
    void widthsOfBlocksBecomeThoseOfOurFolders() {
        var recipe = deci().ints("deci.feed_forward_length", 12, 7)
                .ints("deci.attention.head_count", 2, 2)
                .ints("deci.attention.head_count_kv", 1, 1);
        try (var file = open(recipe)) {
            var config = file.config();
            assertThat(config.modelType()).isEqualTo("llama");
            assertThat(config.requireInt("intermediate_size", 1, 100)).isEqualTo(12);
            assertThat(config.requireInt("num_key_value_heads", 1, 100)).isEqualTo(1);
            assertThat(String.valueOf(config.lowrank()))
                    .contains("\"blocks\":[{\"intermediate\":12,\"key_dim\":4,\"value_dim\":4,\"pairs\":[]},"
                            + "{\"intermediate\":7,\"key_dim\":4,\"value_dim\":4,\"pairs\":[]}]");
        }
    }

    @Test
    void equalWidthsAreAPlainLlama() {
        var recipe = deci().ints("deci.feed_forward_length", 12, 12)
                .u32("deci.attention.head_count", 2)
                .ints("deci.attention.head_count_kv", 2, 2);
        try (var file = open(recipe)) {
            assertThat(file.config().lowrank()).isNull();
        }
    }

    @Test
    void blocksWithoutAPartOrWithHeadsOfTheirOwnAreRefused() {
        assertRefused(
                Code.CFG_UNSUPPORTED,
                () -> open(deci().ints("deci.feed_forward_length", 12, 0).u32("deci.attention.head_count", 2)));
        assertRefused(
                Code.CFG_UNSUPPORTED,
                () -> open(deci().ints("deci.feed_forward_length", 12).u32("deci.attention.head_count", 2)));
        assertRefused(
                Code.CFG_UNSUPPORTED,
                () -> open(deci().u32("deci.feed_forward_length", 12).ints("deci.attention.head_count", 2, 4)));
    }
}
