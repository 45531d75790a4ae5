package dev.lowrank.text;

import dev.lowrank.text.TextException.Code;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ObjectNode;

/// Rebuilds the tokenizer inside a GGUF file as the files that Hugging Face tools (and [Tokenizer]) read.
public final class GgufTokenizers {
    static final int NORMAL = 1;
    static final int UNKNOWN = 2;
    static final int CONTROL = 3;
    static final int USER_DEFINED = 4;
    static final int BYTE = 6;

    private static final String FILE = "GGUF tokenizer";

    private GgufTokenizers() {}

    /// @param v the vocabulary
    /// @return `tokenizer.json`, `tokenizer_config.json` and, where the file has one, `chat_template.jinja`
    /// @throws TextException `TOK_*`: an unknown kind or `pre` name, a token given twice, a merge of
    ///     unknown parts,
    ///     an id outside the vocabulary, single bytes that the vocabulary cannot say
    public static Map<String, byte[]> toHuggingFace(GgufVocabulary v) {
        return files(v, describe(v));
    }

    /// What stands in `tokenizer.json`.
    static ObjectNode describe(GgufVocabulary v) {
        var ids = ids(v);
        check(v);
        var tokenizer =
                Json.object().put("version", "1.0").putNull("truncation").putNull("padding");
        addedTokens(tokenizer, v);
        switch (v.model()) {
            case "gpt2" -> byteLevel(tokenizer, v, ids);
            case "llama" -> sentencePiece(tokenizer, v, ids);
            default ->
                throw fault(
                        Code.TOK_FORMAT,
                        "its kind '" + v.model()
                                + "' is not supported; 'gpt2' (byte-level BPE) and 'llama' (SentencePiece) are.");
        }
        return tokenizer;
    }

    /// @param tokenizer what describes the vocabulary
    static Map<String, byte[]> files(GgufVocabulary v, ObjectNode tokenizer) {
        var files = new LinkedHashMap<String, byte[]>();
        files.put(TokenizerFiles.TOKENIZER, Json.write(tokenizer));
        files.put(TokenizerFiles.CONFIG, Json.write(config(v)));
        if (v.chatTemplate() != null) {
            files.put(TokenizerFiles.TEMPLATE, v.chatTemplate().getBytes(StandardCharsets.UTF_8));
        }
        return files;
    }

    private static Map<String, Integer> ids(GgufVocabulary v) {
        var ids = HashMap.<String, Integer>newHashMap(v.tokens().size());
        for (var id = 0; id < v.tokens().size(); id++) {
            var other = ids.put(v.tokens().get(id), id);
            if (other != null) {
                throw fault(
                        Code.TOK_VOCAB,
                        "ids " + other + " and " + id + " are the same token '"
                                + v.tokens().get(id) + "'.");
            }
        }
        return ids;
    }

    private static void check(GgufVocabulary v) {
        var size = v.tokens().size();
        if (size == 0) {
            throw fault(Code.TOK_VOCAB, "has no tokens.");
        }
        checkLength("scores", v.scores().length, size);
        checkLength("types", v.types().length, size);
        checkId("bos", v.bos(), size);
        checkId("eos", v.eos(), size);
        checkId("unknown", v.unknown(), size);
        checkId("padding", v.padding(), size);
        if (v.addBos() && v.bos() < 0) {
            throw fault(Code.TOK_VOCAB, "adds a first token to every text but names none.");
        }
    }

    private static void checkLength(String what, int length, int size) {
        if (length != 0 && length != size) {
            throw fault(Code.TOK_VOCAB, length + " " + what + " for " + size + " tokens.");
        }
    }

    private static void checkId(String name, int id, int size) {
        if (id < -1 || id >= size) {
            throw fault(Code.TOK_VOCAB, "the " + name + " token is id " + id + ", outside [0, " + size + ").");
        }
    }

    private static void addedTokens(ObjectNode tokenizer, GgufVocabulary v) {
        var types = v.types();
        var added = tokenizer.putArray("added_tokens");
        for (var id = 0; id < types.length; id++) {
            var special = types[id] == CONTROL || types[id] == UNKNOWN;
            if ((!special && types[id] != USER_DEFINED) || v.tokens().get(id).isEmpty()) {
                continue;
            }
            added.addObject()
                    .put("id", id)
                    .put("content", v.tokens().get(id))
                    .put("single_word", false)
                    .put("lstrip", false)
                    .put("rstrip", false)
                    .put("normalized", false)
                    .put("special", special);
        }
    }

    private static ObjectNode model(ObjectNode tokenizer, GgufVocabulary v) {
        var model = tokenizer.putObject("model").put("type", "BPE").putNull("dropout");
        model.putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
        var vocabulary = model.putObject("vocab");
        for (var id = 0; id < v.tokens().size(); id++) {
            vocabulary.put(v.tokens().get(id), id);
        }
        return model;
    }

    private static void byteLevel(ObjectNode tokenizer, GgufVocabulary v, Map<String, Integer> ids) {
        var rule = ByteLevelRule.of(v.pre());
        checkBytes(v, ids);
        rule.describe(tokenizer);
        firstToken(tokenizer, v);
        var model = model(tokenizer, v).putNull("unk_token").put("fuse_unk", false);
        model.put("byte_fallback", false).put("ignore_merges", rule.ignoreMerges());
        merges(model, pairs(v.merges(), ids));
    }

    /// Bytes that plain English needs; rarer ones are missing from some published vocabularies.
    private static void checkBytes(GgufVocabulary v, Map<String, Integer> ids) {
        for (var letter = 0x20; letter < 0x7f; letter++) {
            checkByte(v, ids, letter, letter == 0x20 ? "\u0120" : Character.toString(letter));
        }
        checkByte(v, ids, '\n', "\u010a");
    }

    private static void checkByte(GgufVocabulary v, Map<String, Integer> ids, int value, String token) {
        if (!ids.containsKey(token)) {
            throw fault(
                    Code.TOK_VOCAB,
                    String.format(
                            java.util.Locale.ROOT,
                            "no token among %d stands for the single byte 0x%02x; text with it could not be encoded.",
                            v.tokens().size(),
                            value));
        }
    }

    private static List<Merge> pairs(List<String> merges, Map<String, Integer> ids) {
        return merges.stream().map(merge -> pair(merge, ids)).toList();
    }

    private static Merge pair(String merge, Map<String, Integer> ids) {
        var space = merge.indexOf(' ', 1);
        var pair = new Merge(merge.substring(0, Math.max(0, space)), merge.substring(space + 1));
        for (var part : List.of(pair.left(), pair.right(), pair.left() + pair.right())) {
            if (!ids.containsKey(part)) {
                throw fault(
                        Code.TOK_MERGE,
                        "the merge '" + merge + "' needs the token '" + part + "', which does not exist.");
            }
        }
        return pair;
    }

    private static void merges(ObjectNode model, List<Merge> merges) {
        var array = model.putArray("merges");
        merges.forEach(merge -> array.addArray().add(merge.left()).add(merge.right()));
    }

    private static void sentencePiece(ObjectNode tokenizer, GgufVocabulary v, Map<String, Integer> ids) {
        if (v.scores().length == 0 && v.merges().isEmpty()) {
            throw fault(Code.TOK_FORMAT, "a SentencePiece vocabulary needs scores or merges, and has neither.");
        }
        for (var value = 0; value < 256; value++) {
            var token = String.format(java.util.Locale.ROOT, "<0x%02X>", value);
            if (!ids.containsKey(token)) {
                throw fault(
                        Code.TOK_VOCAB, "the byte token " + token + " is missing; text with it could not be encoded.");
            }
        }
        tokenizer.putNull("normalizer");
        tokenizer
                .putObject("pre_tokenizer")
                .put("type", "Metaspace")
                .put("replacement", "\u2581")
                .put("prepend_scheme", "first")
                .put("split", false);
        var steps = tokenizer.putObject("decoder").put("type", "Sequence").putArray("decoders");
        var replace = steps.addObject().put("type", "Replace").put("content", " ");
        replace.putObject("pattern").put("String", "\u2581");
        steps.addObject().put("type", "ByteFallback");
        steps.addObject().put("type", "Fuse");
        steps.addObject()
                .put("type", "Strip")
                .put("content", " ")
                .put("start", 1)
                .put("stop", 0);
        firstToken(tokenizer, v);
        var model = model(tokenizer, v);
        if (v.unknown() < 0) {
            model.putNull("unk_token");
        } else {
            model.put("unk_token", v.tokens().get(v.unknown()));
        }
        model.put("fuse_unk", true).put("byte_fallback", true).put("ignore_merges", false);
        merges(model, v.merges().isEmpty() ? ScoredMerges.of(v, ids) : pairs(v.merges(), ids));
    }

    private static void firstToken(ObjectNode tokenizer, GgufVocabulary v) {
        if (!v.addBos()) {
            tokenizer.putNull("post_processor");
            return;
        }
        var token = v.tokens().get(v.bos());
        var processor = tokenizer.putObject("post_processor").put("type", "TemplateProcessing");
        var single = processor.putArray("single");
        single.addObject().putObject("SpecialToken").put("id", token).put("type_id", 0);
        single.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
        var pair = processor.putArray("pair");
        pair.addObject().putObject("SpecialToken").put("id", token).put("type_id", 0);
        pair.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
        pair.addObject().putObject("SpecialToken").put("id", token).put("type_id", 1);
        pair.addObject().putObject("Sequence").put("id", "B").put("type_id", 1);
        var special = processor.putObject("special_tokens").putObject(token).put("id", token);
        special.putArray("ids").add(v.bos());
        special.putArray("tokens").add(token);
    }

    private static ObjectNode config(GgufVocabulary v) {
        var config = Json.object().put("tokenizer_class", "PreTrainedTokenizerFast");
        token(config, "bos_token", v, v.bos());
        token(config, "eos_token", v, v.eos());
        token(config, "unk_token", v, v.unknown());
        token(config, "pad_token", v, v.padding());
        return config.put("add_bos_token", v.addBos()).put("clean_up_tokenization_spaces", false);
    }

    private static void token(ObjectNode config, String name, GgufVocabulary v, int id) {
        if (id >= 0) {
            config.put(name, v.tokens().get(id));
        }
    }

    private static TextException fault(Code code, String message) {
        return new TextException(code, FILE, message);
    }

    /// Two tokens that become one.
    record Merge(String left, String right) {}
}
