package dev.lowrank.text;

import java.util.Arrays;

/// Decodes ids one at a time into pieces of text that never end inside a code point. The pieces joined,
/// [#finish]'s included,
/// are the decoding of all ids. Not thread-safe.
public final class TextStream {
    /// Tokens after which an incomplete tail must be invalid: a code point has at most 4 bytes, a token at
    /// least 1.
    private static final int LONGEST = 4;

    private final Tokenizer tokenizer;
    private int[] ids = new int[16];
    private int count;
    /// Ids before this are known to the caller as text; the ones from `start` on are kept as context.
    private int written;

    TextStream(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /// @param id the next token
    /// @return the text that is now certain; empty while a code point is incomplete
    public String accept(int id) {
        if (count == ids.length) {
            ids = Arrays.copyOf(ids, 2 * count);
        }
        ids[count++] = id;
        var text = tokenizer.decode(Arrays.copyOf(ids, count));
        if (!text.endsWith("\uFFFD")) {
            return emit(text, count);
        }
        // A tail that stays broken for longer than a code point can be is broken for good: let the older part go.
        for (var end = count - LONGEST; end > written && end > count - 2 * LONGEST; end--) {
            var part = tokenizer.decode(Arrays.copyOf(ids, end));
            if (text.startsWith(part)) {
                return emit(part, end);
            }
        }
        return "";
    }

    /// @return the text still held back; an incomplete code point in it is U+FFFD
    public String finish() {
        var rest = emit(tokenizer.decode(Arrays.copyOf(ids, count)), count);
        count = 0;
        written = 0;
        return rest;
    }

    private String emit(String text, int end) {
        var piece = text.substring(tokenizer.decode(Arrays.copyOf(ids, written)).length());
        // The last written ids stay: some decoders treat the first token of a sequence in its own way.
        System.arraycopy(ids, written, ids, 0, count - written);
        count -= written;
        written = end - written;
        return piece;
    }
}
