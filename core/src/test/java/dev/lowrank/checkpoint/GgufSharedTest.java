package dev.lowrank.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Real GGUF files against figures from the Python package `gguf` 0.19.0 (GGUFReader, quants.dequantize; q
/// and k rows reordered as reshape [heads, d/2, 2, in], swap axes 1 and 2; sums in float64).
@Tag("shared")
class GgufSharedTest {
    private static Path shared(String name) {
        var root = Path.of(System.getProperty("lowrank.root", "."));
        for (var up : new String[] {"../shared", "../../shared"}) {
            var path = root.resolve(up).resolve(name).normalize();
            if (Files.exists(path)) {
                return path;
            }
        }
        Assumptions.abort("Not found beside " + root + ": ../shared/" + name);
        throw new AssertionError();
    }

    private static void assertSums(GgufFile file, String name, double sum, double squares, double weighted) {
        var values = file.read(name).toFloats();
        var found = new double[3];
        for (var i = 0; i < values.length; i++) {
            found[0] += values[i];
            found[1] += (double) values[i] * values[i];
            found[2] += (double) values[i] * (i % 1009);
        }
        assertThat(found[0]).as(name + " sum").isCloseTo(sum, within(1e-9 * squares));
        assertThat(found[1]).as(name + " squares").isCloseTo(squares, within(1e-9 * squares));
        assertThat(found[2]).as(name + " weighted").isCloseTo(weighted, within(1e-6 * squares));
    }

    @Test
    void smolLm2ReadsAsThePythonReaderDoes() {
        var path = shared("models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf");
        try (var file = GgufFile.open(path)) {
            var config = file.config();
            assertThat(config.requireInt("hidden_size", 1, 1000)).isEqualTo(576);
            assertThat(config.requireInt("num_hidden_layers", 1, 1000)).isEqualTo(30);
            assertThat(config.requireInt("num_attention_heads", 1, 1000)).isEqualTo(9);
            assertThat(config.requireInt("num_key_value_heads", 1, 1000)).isEqualTo(3);
            assertThat(config.requireInt("vocab_size", 1, 100_000)).isEqualTo(49_152);
            assertThat(config.rope().theta()).isEqualTo(100_000);
            assertThat(config.doubleOr("rms_norm_eps", 0)).isEqualTo(1e-5);
            assertThat(file.tokenizer().tokens()).hasSize(49_152);
            assertThat(file.tokenizer().merges()).hasSize(48_900);
            assertThat(file.tokenizer().pre()).isEqualTo("smollm");
            assertThat(file.names()).hasSize(272);
            var parameters = 0L;
            for (var name : file.names()) {
                parameters += file.info(name).shape().elements();
            }
            assertThat(parameters).isEqualTo(134_515_008);
            assertSums(file, "model.embed_tokens.weight", -15353.04449415207, 520415.71544763993, -7804811.753322601);
            var layer = "model.layers.";
            assertSums(
                    file,
                    layer + "0.self_attn.q_proj.weight",
                    59.22322082519531,
                    26749.573275085306,
                    31941.975143432617);
            assertSums(
                    file,
                    layer + "17.mlp.down_proj.weight",
                    114.11135864257812,
                    31966.085642735474,
                    65399.150299072266);
            assertSums(
                    file,
                    layer + "29.self_attn.k_proj.weight",
                    87.89241790771484,
                    1902.811550046259,
                    42832.04042816162);
            assertSums(file, "model.norm.weight", 1038.33203125, 1921.7355499267578, 298738.12109375);
        }
    }

    @Test
    void smolLm2DecodesWithinSeconds() {
        try (var file = GgufFile.open(shared("models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf"))) {
            var start = System.nanoTime();
            for (var name : file.names()) {
                assertThat(file.read(name).bytes()).isPositive();
            }
            assertThat((System.nanoTime() - start) / 1e9)
                    .as("seconds for 135 M weights")
                    .isLessThan(20);
        }
    }

    @Test
    void stories260kReadsAsThePythonReaderDoes() {
        try (var file = GgufFile.open(shared("data/models/stories260K.gguf"))) {
            assertThat(file.config().rope().theta()).isEqualTo(10_000);
            assertThat(file.config().requireInt("vocab_size", 1, 1000)).isEqualTo(512);
            assertThat(file.tokenizer().padId()).isEqualTo(-1);
            assertThat(file.tokenizer().scores()).hasSize(512);
            var layer = "model.layers.";
            assertSums(
                    file,
                    layer + "0.self_attn.q_proj.weight",
                    -23.827822908671806,
                    228.32219964492714,
                    -4374.055082879924);
            assertSums(
                    file,
                    layer + "3.self_attn.k_proj.weight",
                    -2.0453475363418647,
                    85.7217207297081,
                    -2260.405268919086);
        }
    }
}
