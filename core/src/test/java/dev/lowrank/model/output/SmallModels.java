package dev.lowrank.model.output;

import dev.lowrank.testing.GoldenModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// Golden models, which have 96 tokens and no tokenizer, with one: a token for each character that ASCII
/// prints and one for the end of a line.
final class SmallModels {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private SmallModels() {}

    /// Copies a golden model and gives it a tokenizer. The one that `config.json` lets end a text is
    /// special.
    static Path copy(GoldenModel golden, Path target) throws IOException {
        Files.createDirectories(target);
        Files.copy(golden.folder().resolve("model.safetensors"), target.resolve("model.safetensors"));
        Files.copy(golden.folder().resolve("config.json"), target.resolve("config.json"));
        writeTokenizer(target);
        return target;
    }

    static void writeTokenizer(Path target) throws IOException {
        var root = JSON.createObjectNode().put("version", "1.0");
        var added = root.putArray("added_tokens");
        special(added.addObject(), 2, "\"");
        root.putNull("normalizer");
        byteLevel(root.putObject("pre_tokenizer"));
        byteLevel(root.putObject("decoder"));
        var model = root.putObject("model").put("type", "BPE").put("ignore_merges", false);
        var vocabulary = model.putObject("vocab");
        vocabulary.put("\u0120", 0).put("\u010a", 95);
        for (var letter = 0x21; letter < 0x7f; letter++) {
            vocabulary.put(Character.toString(letter), letter - 0x20);
        }
        model.putArray("merges");
        Files.write(target.resolve("tokenizer.json"), JSON.writeValueAsBytes(root));
        Files.writeString(target.resolve("tokenizer_config.json"), "{}", StandardCharsets.UTF_8);
    }

    private static void special(ObjectNode token, int id, String content) {
        token.put("id", id).put("content", content).put("special", true).put("single_word", false);
        token.put("lstrip", false).put("rstrip", false).put("normalized", false);
    }

    private static void byteLevel(ObjectNode step) {
        step.put("type", "ByteLevel").put("add_prefix_space", false).put("use_regex", true);
        step.put("trim_offsets", true);
    }
}
