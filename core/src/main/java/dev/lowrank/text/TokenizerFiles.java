package dev.lowrank.text;

import dev.lowrank.text.TextException.Code;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The files of one tokenizer, by name.
record TokenizerFiles(Map<String, byte[]> contents) {
    static final String TOKENIZER = "tokenizer.json";
    static final String CONFIG = "tokenizer_config.json";
    static final String SPECIAL_TOKENS = "special_tokens_map.json";
    static final String GENERATION = "generation_config.json";
    static final String TEMPLATE = "chat_template.jinja";
    static final String TEMPLATE_JSON = "chat_template.json";
    static final String MODEL_CONFIG = "config.json";

    /// What goes with the model into an output folder. `config.json` does not: it belongs to the model.
    private static final List<String> COPIED = List.of(
            TOKENIZER,
            CONFIG,
            SPECIAL_TOKENS,
            GENERATION,
            TEMPLATE,
            TEMPLATE_JSON,
            "added_tokens.json",
            "tokenizer.model",
            "vocab.json",
            "vocab.txt",
            "merges.txt");

    private static final long MAX_BYTES = 256L << 20;

    TokenizerFiles {
        contents = Collections.unmodifiableMap(new LinkedHashMap<>(contents));
    }

    static TokenizerFiles read(Path folder) {
        if (!Files.isRegularFile(folder.resolve(TOKENIZER))) {
            throw new TextException(
                    Code.TOK_MISSING,
                    TOKENIZER,
                    "not in " + folder
                            + ". Only tokenizers in this format are read: save the tokenizer again with a fast "
                            + "tokenizer, or take the model as GGUF.");
        }
        var contents = new LinkedHashMap<String, byte[]>();
        for (var name : COPIED) {
            add(contents, folder, name);
        }
        add(contents, folder, MODEL_CONFIG);
        return new TokenizerFiles(contents);
    }

    private static void add(Map<String, byte[]> contents, Path folder, String name) {
        var path = folder.resolve(name);
        if (!Files.isRegularFile(path)) {
            return;
        }
        try {
            var size = Files.size(path);
            if (size > MAX_BYTES) {
                throw new TextException(
                        Code.TOK_LIMIT, name, size + " bytes; a tokenizer file has at most " + MAX_BYTES + ".");
            }
            contents.put(name, Files.readAllBytes(path));
        } catch (IOException e) {
            throw new TextException(Code.TOK_FORMAT, name, "cannot be read: " + e.getMessage(), e);
        }
    }

    /// @return the files to copy, by name; the arrays are copies
    Map<String, byte[]> copied() {
        var copy = new LinkedHashMap<String, byte[]>();
        for (var name : COPIED) {
            var bytes = contents.get(name);
            if (bytes != null) {
                copy.put(name, bytes.clone());
            }
        }
        return copy;
    }

    byte[] tokenizerBytes() {
        var bytes = contents.get(TOKENIZER);
        if (bytes == null) {
            throw new TextException(Code.TOK_MISSING, TOKENIZER, "is not among the files " + contents.keySet() + ".");
        }
        return bytes;
    }

    ObjectNode tokenizer() {
        return Json.readObject(tokenizerBytes(), TOKENIZER, Code.TOK_FORMAT);
    }

    /// The tokenizer without its merges: half of its nodes, which only the tokenizers library reads.
    ObjectNode tokenizerWithoutMerges() {
        return Json.readObjectWithout("model", "merges", tokenizerBytes(), TOKENIZER, Code.TOK_FORMAT);
    }

    /// @return the parsed file, an empty object if there is none
    ObjectNode json(String name) {
        var bytes = contents.get(name);
        return bytes == null ? Json.object() : Json.readObject(bytes, name, Code.TOK_FORMAT);
    }

    /// @return the chat template's source: its own file first, then the configuration's template or its
    ///     `default`
    ///     one
    @Nullable
    String chatTemplate() {
        var own = contents.get(TEMPLATE);
        if (own != null) {
            return new String(own, StandardCharsets.UTF_8);
        }
        var template = json(CONFIG).get("chat_template");
        if (template == null || template.isNull()) {
            template = json(TEMPLATE_JSON).get("chat_template");
        }
        return template == null ? null : templateSource(template);
    }

    private static @Nullable String templateSource(JsonNode template) {
        if (template.isString()) {
            return template.stringValue();
        }
        for (var named : template) {
            var name = named.get("name");
            var source = named.get("template");
            if (name != null && "default".equals(name.asString("")) && source != null && source.isString()) {
                return source.stringValue();
            }
        }
        return null;
    }
}
