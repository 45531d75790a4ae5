package dev.lowrank.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.text.TextException.Code;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.ObjectNode;

class JsonTest {
    private static ObjectNode without(String text) {
        return Json.readObjectWithout(
                "model", "merges", text.getBytes(StandardCharsets.UTF_8), "a.json", Code.TOK_FORMAT);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"model\": {}}",
                "{\"model\": null, \"b\": [1, {\"merges\": 2}]}",
                "{\"model\": \"x\", \"merges\": [1]}",
                "{\"model\": [{\"merges\": [1]}], \"b\": []}",
                "{\"model\": {\"merges\": [[\"a\", \"b\"], [\"c\", \"d\"]]}}",
                "{\"model\": {\"merges\": [\"a b\"], \"vocab\": {\"a\": 0, \"merges\": 1}}, \"b\": {}}",
                "{\"a\": {\"merges\": []}, \"model\": {\"vocab\": {}, \"merges\": {\"x\": [1]}}, \"b\": 1.5}",
                "{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": null, \"type\": \"BPE\"}}"
            })
    void whatIsLeftOutIsAllThatIsMissing(String text) {
        var expected = Json.readObject(text, "a.json", Code.TOK_FORMAT);
        if (expected.get("model") instanceof ObjectNode model) {
            model.remove("merges");
        }
        assertThat(without(text)).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "{\"model\": {\"merges\": [1}",
                "{\"model\": {}} {}",
                "{\"model\": {\"merges\": {\"a\": 1, \"a\": 2}}}",
                "{\"model\": {\"merges\": 1, \"merges\": 2}}"
            })
    void whatIsNoJsonIsRefusedThereToo(String text) {
        assertThatThrownBy(() -> without(text)).isInstanceOf(TextException.class);
        assertThatThrownBy(() -> Json.readObject(text, "a.json", Code.TOK_FORMAT))
                .isInstanceOf(TextException.class);
    }
}
