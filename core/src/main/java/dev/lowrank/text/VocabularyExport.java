package dev.lowrank.text;

import dev.lowrank.text.GgufTokenizers.Merge;
import dev.lowrank.text.TextException.Code;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The tokenizer of `tokenizer.json` in the words of GGUF: byte-level BPE, or SentencePiece's BPE with byte
/// tokens. What GGUF has no words for is refused, since a reader would cut text differently and say
/// nothing.
final class VocabularyExport {
    private static final int UNUSED = 5;
    private static final Pattern BYTE_TOKEN = Pattern.compile("<0x[0-9A-F]{2}>");
    private static final int SHOWN = 300;

    private final ObjectNode tokenizer;
    private final ObjectNode model;
    private final Vocabulary vocabulary;
    private final List<String> tokens = new ArrayList<>();
    private final Map<String, Integer> ids = new HashMap<>();

    private VocabularyExport(ObjectNode tokenizer, Vocabulary vocabulary, int rows) {
        this.tokenizer = tokenizer;
        this.vocabulary = vocabulary;
        if (!(tokenizer.get("model") instanceof ObjectNode found)
                || !found.path("type").asString("BPE").equals("BPE")) {
            throw fault(
                    Code.TOK_FORMAT,
                    "is of type " + tokenizer.path("model").path("type").asString("unknown")
                            + "; only BPE is written to GGUF.");
        }
        this.model = found;
        for (var id = 0; id < rows; id++) {
            var token = id < vocabulary.tokens().length ? vocabulary.tokens()[id] : null;
            tokens.add(token == null ? "[PAD" + id + "]" : token);
            if (ids.put(tokens.get(id), id) != null) {
                throw fault(Code.TOK_VOCAB, "has two tokens '" + tokens.get(id) + "'.");
            }
        }
    }

    /// @param rows of the model's embedding; there are as many tokens, the last of them perhaps unused
    /// @param addsBos whether encoding begins with the first special token
    static GgufVocabulary of(
            TokenizerFiles files, Vocabulary vocabulary, SpecialIds special, int rows, boolean addsBos) {
        var export = new VocabularyExport(files.tokenizer(), vocabulary, rows);
        var bytes = export.model.path("byte_fallback").asBoolean(false);
        var merges = export.merges();
        var scores = bytes ? export.scores(merges) : new float[0];
        var result = new GgufVocabulary(
                bytes ? "llama" : "gpt2",
                bytes ? "default" : ByteLevelRule.nameOf(export.tokenizer, export.model),
                export.tokens,
                scores,
                export.types(bytes),
                bytes ? List.of() : merges.stream().map(export::written).toList(),
                special.bos().orElse(-1),
                special.eos().orElse(-1),
                export.id(bytes ? export.model.path("unk_token").asString(null) : null, special, "unk_token"),
                export.id(null, special, "pad_token"),
                addsBos,
                files.chatTemplate());
        if (bytes) {
            export.requireSentencePiece();
            export.requireSameMerges(result, merges);
        }
        return result;
    }

    private int id(@Nullable String own, SpecialIds special, String name) {
        var token = own == null ? special.names().get(name) : own;
        return token == null ? -1 : ids.getOrDefault(token, -1);
    }

    private int[] types(boolean bytes) {
        var types = new int[tokens.size()];
        for (var id = 0; id < types.length; id++) {
            var token = tokens.get(id);
            var known = id < vocabulary.tokens().length && vocabulary.tokens()[id] != null;
            types[id] = !known ? UNUSED : type(token, bytes);
        }
        return types;
    }

    private int type(String token, boolean bytes) {
        if (bytes && token.equals(model.path("unk_token").asString(""))) {
            return GgufTokenizers.UNKNOWN;
        }
        if (vocabulary.specials().contains(token)) {
            return GgufTokenizers.CONTROL;
        }
        if (bytes && BYTE_TOKEN.matcher(token).matches()) {
            return GgufTokenizers.BYTE;
        }
        return vocabulary.added().containsKey(token) ? GgufTokenizers.USER_DEFINED : GgufTokenizers.NORMAL;
    }

    private List<Merge> merges() {
        var merges = new ArrayList<Merge>();
        for (var merge : model.path("merges")) {
            var text = merge.asString("");
            var space = text.indexOf(' ', 1);
            merges.add(
                    merge.isArray()
                            ? new Merge(
                                    merge.path(0).asString(""), merge.path(1).asString(""))
                            : new Merge(text.substring(0, Math.max(0, space)), text.substring(space + 1)));
        }
        return merges;
    }

    private String written(Merge merge) {
        if (merge.left().isEmpty()
                || merge.left().indexOf(' ') >= 0
                || merge.right().indexOf(' ') >= 0) {
            throw fault(
                    Code.TOK_MERGE,
                    "merges '" + merge.left() + "' with '" + merge.right() + "', which GGUF cannot spell.");
        }
        return merge.left() + " " + merge.right();
    }

    /// SentencePiece orders by scores instead of a list: the earlier a token can be made, the higher its
    /// own.
    private float[] scores(List<Merge> merges) {
        var scores = new float[tokens.size()];
        Arrays.fill(scores, -merges.size() - 1f);
        for (var rank = merges.size() - 1; rank >= 0; rank--) {
            var made = ids.get(merges.get(rank).left() + merges.get(rank).right());
            if (made != null) {
                scores[made] = -rank;
            }
        }
        for (var token : vocabulary.specials()) {
            var id = ids.get(token);
            if (id != null) {
                scores[id] = 0;
            }
        }
        return scores;
    }

    private void requireSentencePiece() {
        var first = tokenizer.path("pre_tokenizer");
        var metaspace = first.path("type").asString("").equals("Metaspace")
                && first.path("replacement").asString("").equals("\u2581")
                && !first.path("prepend_scheme").asString("always").equals("never")
                && isNothing(tokenizer.path("normalizer"));
        if (!metaspace && !(isNothing(first) && prepends(tokenizer.path("normalizer")))) {
            throw fault(
                    Code.TOK_REGEX,
                    "prepares text in a way that GGUF has no name for: normalizer "
                            + shown(tokenizer.path("normalizer")) + ", pre-tokenizer " + shown(first) + ".");
        }
    }

    private static boolean isNothing(JsonNode step) {
        return step.isMissingNode() || step.isNull();
    }

    /// The older spelling: a mark before the text, then marks for spaces.
    private static boolean prepends(JsonNode normalizer) {
        var steps = normalizer.path("normalizers");
        return steps.size() == 2
                && steps.path(0).path("type").asString("").equals("Prepend")
                && steps.path(0).path("prepend").asString("").equals("\u2581")
                && steps.path(1).path("type").asString("").equals("Replace")
                && steps.path(1).path("pattern").path("String").asString("").equals(" ")
                && steps.path(1).path("content").asString("").equals("\u2581");
    }

    private void requireSameMerges(GgufVocabulary written, List<Merge> merges) {
        if (!ScoredMerges.of(written, ids).equals(merges)) {
            throw fault(
                    Code.TOK_MERGE,
                    "has merges that do not follow from an order of its tokens, as GGUF needs for this kind.");
        }
    }

    static String shown(JsonNode node) {
        var text = node.toString();
        return text.substring(0, Math.min(SHOWN, text.length()));
    }

    static TextException fault(Code code, String message) {
        return new TextException(code, TokenizerFiles.TOKENIZER, message);
    }
}
