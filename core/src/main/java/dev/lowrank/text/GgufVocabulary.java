package dev.lowrank.text;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// The tokenizer part of a GGUF file's metadata, as plain data.
///
/// @param model `tokenizer.ggml.model`: `gpt2` (byte-level BPE) or `llama` (SentencePiece)
/// @param pre `tokenizer.ggml.pre`; `default` where the file says nothing
/// @param tokens the token of each id
/// @param scores a score for each token, or empty
/// @param types a type for each token (1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte),
///     or empty
/// @param merges pairs with a space between, best first, or empty
/// @param bos id that begins a text, -1 for none; as the next three
/// @param eos id that ends a text
/// @param unknown id of the unknown token
/// @param padding id that pads
/// @param addBos whether a text begins with `bos`
/// @param chatTemplate `tokenizer.chat_template`
@SuppressWarnings("ArrayRecordComponent")
public record GgufVocabulary(
        String model,
        String pre,
        List<String> tokens,
        float[] scores,
        int[] types,
        List<String> merges,
        int bos,
        int eos,
        int unknown,
        int padding,
        boolean addBos,
        @Nullable String chatTemplate) {
    /// Copies lists and arrays.
    public GgufVocabulary {
        tokens = List.copyOf(tokens);
        merges = List.copyOf(merges);
        scores = scores.clone();
        types = types.clone();
    }

    @Override
    public float[] scores() {
        return scores.clone();
    }

    @Override
    public int[] types() {
        return types.clone();
    }
}
