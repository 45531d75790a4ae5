package dev.lowrank.checkpoint;

import static dev.lowrank.checkpoint.CodeAssert.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.tensor.DType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.StringNode;

class ModelConfigTest {
    @TempDir
    Path folder;

    private ModelConfig read(String json) {
        return ModelConfig.read(CodeAssert.file(folder, "config.json", json.getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void bothGenerationsOfRopeSpellingAreOne() {
        var v4 = read("{\"rope_theta\":500000.0,\"rope_scaling\":{\"type\":\"llama3\",\"factor\":8.0,"
                + "\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,\"original_max_position_embeddings\":8192}}");
        var v5 = read("{\"rope_parameters\":{\"rope_type\":\"llama3\",\"rope_theta\":500000.0,\"factor\":8.0,"
                + "\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,\"original_max_position_embeddings\":8192}}");
        assertThat(v5.rope()).isEqualTo(v4.rope());
        assertThat(v4.rope().theta()).isEqualTo(500_000);
        assertThat(v4.rope().numberOr("factor", 0)).isEqualTo(8);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"rope_scaling\":null}",
                "{\"rope_theta\":10000}",
                "{\"rope_parameters\":{\"rope_type\":\"default\"}}"
            })
    void silenceMeansTheDefaultRope(String json) {
        var rope = read(json).rope();
        assertThat(rope.type()).isEqualTo("default");
        assertThat(rope.theta()).isEqualTo(10_000);
    }

    @Test
    void listsOfLongropeAreKept() {
        var rope = read("{\"rope_scaling\":{\"rope_type\":\"longrope\",\"short_factor\":[1,2],\"long_factor\":[3,4]}}")
                .rope();
        assertThat(rope.extra()).containsEntry("short_factor", List.of(1.0, 2.0));
    }

    @Test
    void ropeThatCannotRunIsRefused() {
        assertRefused(
                Code.CFG_UNSUPPORTED,
                () -> read("{\"rope_scaling\":{\"type\":\"magic\"}}").rope());
        assertRefused(
                Code.CFG_UNSUPPORTED,
                () -> read("{\"rope_parameters\":{\"full_attention\":{}}}").rope());
        assertRefused(Code.CFG_RANGE, () -> read("{\"rope_theta\":-1}").rope());
        assertRefused(Code.CFG_RANGE, () -> read("{\"rope_theta\":\"x\"}").rope());
        assertRefused(Code.CFG_RANGE, () -> read("{\"rope_scaling\":[]}").rope());
    }

    @ParameterizedTest
    @ValueSource(strings = {"-1", "0", "2147483648", "1e400", "\"4096\"", "4.0", "true", "[1]"})
    void valueOutOfRangeNamesKeyFoundAndExpected(String value) {
        var config = read("{\"hidden_size\":" + value + "}");
        var refusal = assertRefused(Code.CFG_RANGE, () -> config.requireInt("hidden_size", 1, 1 << 20));
        assertThat(refusal).hasMessageContaining("hidden_size").hasMessageContaining("from 1 to 1048576");
        assertThat(refusal.name()).isEqualTo("hidden_size");
        assertThat(refusal.file()).isEqualTo(folder.resolve("config.json"));
    }

    @Test
    void missingAndNullTakeTheDefault() {
        var config = read("{\"a\":null,\"eos_token_id\":[1,2],\"bos_token_id\":3}");
        assertThat(config.intOr("a", 5)).isEqualTo(5);
        assertThat(config.doubleOr("b", 0.5)).isEqualTo(0.5);
        assertThat(config.booleanOr("b", true)).isTrue();
        assertThat(config.textOr("b", "x")).isEqualTo("x");
        assertThat(config.ints("eos_token_id")).containsExactly(1, 2);
        assertThat(config.ints("bos_token_id")).containsExactly(3);
        assertThat(config.ints("a")).isEmpty();
        assertRefused(Code.CFG_MISSING, config::modelType);
        assertRefused(Code.CFG_MISSING, () -> config.requireInt("a", 0, 1));
    }

    @ParameterizedTest
    @CsvSource({"torch_dtype,bfloat16,BF16", "dtype,float16,F16", "torch_dtype,torch.float32,F32", "dtype,float64,F64"})
    void dtypeIsReadInBothSpellings(String key, String name, DType expected) {
        assertThat(read("{\"" + key + "\":\"" + name + "\"}").dtype()).isEqualTo(expected);
    }

    @Test
    void dtypeIsWrittenInTheSpellingFound() {
        var v4 = read("{\"torch_dtype\":\"float32\"}").withDtype(DType.BF16).json();
        assertThat(v4.toString()).isEqualTo("{\"torch_dtype\":\"bfloat16\"}");
        assertThat(read("{}").withDtype(DType.F16).json().toString()).isEqualTo("{\"dtype\":\"float16\"}");
    }

    @Test
    void changingKeepsUnknownKeysAndTheirOrder() throws IOException {
        var config = read("{\"zeta\":1e-05,\"model_type\":\"llama\",\"odd\":{\"x\":[1,null]}}");
        var changed = config.with("model_type", StringNode.valueOf("qwen2"));
        assertThat(changed.json().toString())
                .isEqualTo("{\"zeta\":1.0E-5,\"model_type\":\"qwen2\",\"odd\":{\"x\":[1,null]}}");
        assertThat(config.modelType()).isEqualTo("llama");
        assertThat(read(new String(changed.toBytes(), StandardCharsets.UTF_8)).json())
                .isEqualTo(changed.json());
    }

    @Test
    void copyOfTheJsonDoesNotReachTheConfig() {
        var config = read("{\"a\":1}");
        config.json().put("a", 2);
        assertThat(config.intOr("a", 0)).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[]", "{\"a\":1,\"a\":2}", "{\"a\":1} x", "{\"a\":NaN}", "{'a':1}", "{\"a\":1,}"})
    void malformedJsonIsRefused(String json) {
        assertRefused(Code.JSON_BAD, () -> read(json));
    }

    @Test
    void jsonOverALimitIsRefused() {
        assertRefused(Code.JSON_LIMIT, () -> read("{\"a\":" + "[".repeat(100_000)));
        assertRefused(Code.JSON_LIMIT, () -> read("{\"a\":" + "1".repeat(1001) + "}"));
        assertRefused(Code.JSON_LIMIT, () -> read("{\"a\":\"" + "x".repeat(20_000_000) + "\"}"));
    }
}
