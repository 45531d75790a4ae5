package dev.lowrank.checkpoint;

import dev.lowrank.checkpoint.CheckpointException.Code;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The tokenizer a GGUF file carries, as plain values; building a tokenizer from it is not this package's
/// matter.
public final class GgufTokenizerData {
    private static final String PREFIX = "tokenizer.ggml.";
    private static final long NO_TOKEN = 0xFFFFFFFFL;
    private static final int BYTE_TOKEN = 6;
    private static final Pattern BYTE = Pattern.compile("<0x[0-9A-Fa-f]{2}>");

    private final GgufMetadata metadata;
    private final String model;
    private final List<String> tokens;
    private final float[] scores;
    private final int[] tokenTypes;
    private final List<String> merges;

    private GgufTokenizerData(
            GgufMetadata metadata,
            String model,
            List<String> tokens,
            float[] scores,
            int[] tokenTypes,
            List<String> merges) {
        this.metadata = metadata;
        this.model = model;
        this.tokens = tokens;
        this.scores = scores;
        this.tokenTypes = tokenTypes;
        this.merges = merges;
    }

    static GgufTokenizerData of(GgufMetadata metadata) {
        var model = metadata.text(PREFIX + "model");
        if (model == null || !metadata.has(PREFIX + "tokens")) {
            throw new CheckpointException(
                    Code.GG_VOCAB, metadata.file(), -1, PREFIX + "model", "The file carries no tokenizer", null);
        }
        var tokens = texts(metadata, "tokens");
        var data = new GgufTokenizerData(
                metadata, model, tokens, scores(metadata, tokens), types(metadata, tokens), texts(metadata, "merges"));
        data.checkBytes();
        for (var name : List.of("bos", "eos", "unknown", "padding")) {
            if (tokenId(metadata, name + "_token_id") >= tokens.size()) {
                throw metadata.wrong(Code.GG_VOCAB, PREFIX + name + "_token_id", "below " + tokens.size());
            }
        }
        return data;
    }

    private static List<String> texts(GgufMetadata metadata, String name) {
        var value = metadata.value(PREFIX + name);
        if (value == null) {
            return List.of();
        }
        if (value.element() != GgufValue.Kind.STRING || !(value.content() instanceof List<?> list)) {
            throw metadata.wrong(Code.GG_VOCAB, PREFIX + name, "an array of texts");
        }
        return list.stream().map(String.class::cast).toList();
    }

    private static float[] scores(GgufMetadata metadata, List<String> tokens) {
        var value = metadata.value(PREFIX + "scores");
        if (value == null) {
            return new float[0];
        }
        if (!(value.content() instanceof float[] scores) || scores.length != tokens.size()) {
            throw metadata.wrong(Code.GG_VOCAB, PREFIX + "scores", tokens.size() + " F32 numbers, one a token");
        }
        return scores;
    }

    private static int[] types(GgufMetadata metadata, List<String> tokens) {
        var value = metadata.value(PREFIX + "token_type");
        if (value == null) {
            return new int[0];
        }
        var whole = value.element() == GgufValue.Kind.I32 || value.element() == GgufValue.Kind.U32;
        if (!whole || !(value.content() instanceof long[] types) || types.length != tokens.size()) {
            throw metadata.wrong(Code.GG_VOCAB, PREFIX + "token_type", tokens.size() + " I32 numbers, one a token");
        }
        var narrow = new int[types.length];
        for (var i = 0; i < types.length; i++) {
            if (types[i] < 0 || types[i] > BYTE_TOKEN) {
                throw metadata.wrong(Code.GG_VOCAB, PREFIX + "token_type", "types from 0 to 6, not " + types[i]);
            }
            narrow[i] = (int) types[i];
        }
        return narrow;
    }

    private void checkBytes() {
        for (var i = 0; i < tokenTypes.length; i++) {
            if (tokenTypes[i] == BYTE_TOKEN && !BYTE.matcher(tokens.get(i)).matches()) {
                throw new CheckpointException(
                        Code.GG_VOCAB,
                        metadata.file(),
                        -1,
                        tokens.get(i),
                        "Token " + i + " is of type byte but not written <0x00> to <0xFF>",
                        null);
            }
        }
    }

    /// @return the id at `tokenizer.ggml.NAME`, or -1 if it is missing or the "no token" mark of old
    ///     writers
    static int tokenId(GgufMetadata metadata, String name) {
        var id = metadata.whole(PREFIX + name, -1, -1, NO_TOKEN, Code.GG_VOCAB);
        if (id == NO_TOKEN) {
            return -1;
        }
        if (id > Integer.MAX_VALUE) {
            throw metadata.wrong(Code.GG_VOCAB, PREFIX + name, "a token id");
        }
        return (int) id;
    }

    /// @return kind of tokenizer: `gpt2` (byte-level BPE), `llama` (SentencePiece) or another
    public String model() {
        return model;
    }

    /// @return name of the rule that splits text before BPE, or null
    public @Nullable String pre() {
        return metadata.text(PREFIX + "pre");
    }

    /// @return all tokens; the index is the id
    public List<String> tokens() {
        return tokens;
    }

    /// @return a copy of the SentencePiece scores by id; empty if the file has none
    public float[] scores() {
        return scores.clone();
    }

    /// @return a copy of the types by id (1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6
    ///     byte); empty
    ///     if
    /// the
    ///     file has none
    public int[] tokenTypes() {
        return tokenTypes.clone();
    }

    /// @return BPE merges, best first, the two parts separated by a space; empty if the file has none
    public List<String> merges() {
        return merges;
    }

    /// @return id of the token that begins a text, or -1
    public int bosId() {
        return tokenId(metadata, "bos_token_id");
    }

    /// @return id of the token that ends a text, or -1
    public int eosId() {
        return tokenId(metadata, "eos_token_id");
    }

    /// @return id of the unknown token, or -1
    public int unkId() {
        return tokenId(metadata, "unknown_token_id");
    }

    /// @return id of the padding token, or -1
    public int padId() {
        return tokenId(metadata, "padding_token_id");
    }

    /// @return whether a text starts with the BOS token; if the file is silent, as llama.cpp: SentencePiece
    ///     does
    public boolean addBos() {
        return metadata.bool(PREFIX + "add_bos_token", model.equals("llama"));
    }

    /// @return whether a text ends with the EOS token
    public boolean addEos() {
        return metadata.bool(PREFIX + "add_eos_token", false);
    }

    /// @return whether a space is put before the text; if the file is silent, as llama.cpp: SentencePiece
    ///     does
    public boolean addSpacePrefix() {
        return metadata.bool(PREFIX + "add_space_prefix", model.equals("llama"));
    }

    /// @return the chat template, or null
    public @Nullable String chatTemplate() {
        return metadata.text("tokenizer.chat_template");
    }
}
