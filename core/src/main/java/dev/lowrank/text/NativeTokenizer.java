package dev.lowrank.text;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.lowrank.text.TextException.Code;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Map;

/// The tokenizers library behind its traps: nothing is truncated or padded, nothing goes to the network,
/// and ids are taken
/// without the per-token objects that the library's own encoding builds.
final class NativeTokenizer implements AutoCloseable {
    private static final Map<String, String> OPTIONS = Map.of(
            "truncation", "false", "padding", "false", "addSpecialTokens", "false", "withOverflowingTokens", "false");

    static {
        // Read once, when the library's classes load: no usage request, no download of a GPU build.
        System.setProperty("OPT_OUT_TRACKING", "true");
        System.setProperty("ai.djl.offline", "true");
        System.setProperty("RUST_FLAVOR", "cpu");
    }

    private final HuggingFaceTokenizer tokenizer;

    private NativeTokenizer(HuggingFaceTokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    static NativeTokenizer of(byte[] json) {
        try {
            return new NativeTokenizer(HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json), OPTIONS));
        } catch (IOException | RuntimeException e) {
            var message = String.valueOf(e.getMessage());
            var merge = message.contains("out of vocabulary") || message.contains("erges");
            throw new TextException(
                    merge ? Code.TOK_MERGE : Code.TOK_FORMAT,
                    TokenizerFiles.TOKENIZER,
                    "the tokenizers library refuses it: " + message,
                    e);
        }
    }

    int[] encode(String text, SpecialTokens specials) {
        var unpaired = Surrogates.firstUnpaired(text);
        if (unpaired >= 0) {
            throw new IllegalArgumentException("The text has half a surrogate pair at index " + unpaired
                    + "; it is not Unicode text. Replace it before encoding.");
        }
        var encoding = TokenizersLibrary.LIB.encode(handle(), text, specials == SpecialTokens.ADD);
        try {
            return toInts(TokenizersLibrary.LIB.getTokenIds(encoding));
        } finally {
            TokenizersLibrary.LIB.deleteEncoding(encoding);
        }
    }

    String decode(int[] ids) {
        var wide = new long[ids.length];
        for (var i = 0; i < ids.length; i++) {
            wide[i] = ids[i];
        }
        return TokenizersLibrary.LIB.decode(handle(), wide, false);
    }

    @Override
    public void close() {
        tokenizer.close();
    }

    private long handle() {
        if (tokenizer.isReleased()) {
            throw new IllegalStateException("The tokenizer is closed.");
        }
        return tokenizer.getHandle();
    }

    private static int[] toInts(long[] wide) {
        var ids = new int[wide.length];
        for (var i = 0; i < wide.length; i++) {
            ids[i] = Math.toIntExact(wide[i]);
        }
        return ids;
    }

    /// Whether the tokenizer's own post-processing adds its special tokens.
    enum SpecialTokens {
        ADD,
        OMIT
    }
}
