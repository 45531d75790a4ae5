package dev.lowrank.text;

import dev.lowrank.text.TextException.Code;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The bytes that each token adds to a text, for whoever has to know before a token is chosen. The bytes of
/// a text's tokens joined are its UTF-8, save for a first space where [#firstSpaceLost()].
public final class TokenBytes {
    private static final String WORD_START = "\u2581";

    /// Tokens that are decoded for comparison.
    private static final int SAMPLES = 64;

    private final byte[] @Nullable [] bytes;
    private final boolean firstSpaceLost;

    private TokenBytes(byte[] @Nullable [] bytes, boolean firstSpaceLost) {
        this.bytes = bytes;
        this.firstSpaceLost = firstSpaceLost;
    }

    /// @throws TextException `TOK_FORMAT` if the decoder is none whose tokens have bytes of their own, or
    ///     does not decode as it says
    static TokenBytes of(ObjectNode tokenizer, Vocabulary vocabulary, Tokenizer decoder) {
        var steps = steps(tokenizer.path("decoder"));
        var words = steps.containsKey("Metaspace") || steps.containsKey("ByteFallback");
        if (!words && !steps.containsKey("ByteLevel")) {
            throw new TextException(
                    Code.TOK_FORMAT,
                    TokenizerFiles.TOKENIZER,
                    "decodes with " + (steps.isEmpty() ? "nothing" : steps.keySet())
                            + "; only byte-level BPE and SentencePiece tokens have bytes of their own.");
        }
        var fallback = steps.containsKey("ByteFallback");
        var letters = byteLetters();
        var bytes = new byte[vocabulary.tokens().length][];
        for (var id = 0; id < bytes.length; id++) {
            var token = vocabulary.tokens()[id];
            if (token != null && !vocabulary.specials().contains(token)) {
                bytes[id] = words ? word(token, fallback) : spelled(token, letters);
            }
        }
        var lost = steps.containsKey("Strip") || losesFirst(steps.get("Metaspace"));
        var result = new TokenBytes(bytes, words && lost);
        result.compare(decoder);
        return result;
    }

    private static Map<String, JsonNode> steps(JsonNode decoder) {
        var steps = new HashMap<String, JsonNode>();
        for (var step : decoder.path("decoders")) {
            steps.put(step.path("type").asString(""), step);
        }
        if (decoder.has("type") && !decoder.has("decoders")) {
            steps.put(decoder.path("type").asString(""), decoder);
        }
        return steps;
    }

    private static boolean losesFirst(@Nullable JsonNode metaspace) {
        return metaspace != null
                && !metaspace.path("prepend_scheme").asString("always").equals("never")
                && metaspace.path("add_prefix_space").asBoolean(true);
    }

    private static byte[] word(String token, boolean fallback) {
        if (fallback && token.length() == 6 && token.startsWith("<0x") && token.endsWith(">")) {
            return new byte[] {(byte) Integer.parseInt(token.substring(3, 5), 16)};
        }
        return token.replace(WORD_START, " ").getBytes(StandardCharsets.UTF_8);
    }

    /// A token with a letter that stands for no byte is an added one, which is spelled as it is.
    private static byte[] spelled(String token, Map<Integer, Byte> letters) {
        var codePoints = token.codePoints().toArray();
        var bytes = new byte[codePoints.length];
        for (var i = 0; i < bytes.length; i++) {
            var value = letters.get(codePoints[i]);
            if (value == null) {
                return token.getBytes(StandardCharsets.UTF_8);
            }
            bytes[i] = value;
        }
        return bytes;
    }

    /// Byte-level BPE writes printable Latin-1 bytes as themselves and the others, in order, as the letters
    /// from U+0100 on.
    private static Map<Integer, Byte> byteLetters() {
        var letters = HashMap.<Integer, Byte>newHashMap(256);
        var next = 0x100;
        for (var value = 0; value < 256; value++) {
            var printable = (value > 0x20 && value < 0x7f) || (value > 0xa0 && value != 0xad);
            letters.put(printable ? value : next++, (byte) value);
        }
        return letters;
    }

    /// Decodes tokens here and there, so that a decoder that does more than its parts' names say is found.
    private void compare(Tokenizer decoder) {
        for (var id = 0; id < bytes.length; id += Math.max(1, bytes.length / SAMPLES)) {
            var own = bytes[id];
            if (own == null || own.length == 0 || own[0] == ' ') {
                continue;
            }
            var text = new String(own, StandardCharsets.UTF_8);
            if (!text.contains("\uFFFD") && !decoder.decode(new int[] {id}).equals(text)) {
                throw new TextException(
                        Code.TOK_FORMAT,
                        TokenizerFiles.TOKENIZER,
                        "decodes token " + id + " as '" + decoder.decode(new int[] {id}) + "', its parts say '" + text
                                + "'; this kind of decoder is not supported here.");
            }
        }
    }

    /// One more than the largest id.
    public int size() {
        return bytes.length;
    }

    /// The bytes of a token; empty for special tokens and ids that stand for nothing.
    public Optional<byte[]> bytes(int id) {
        var own = bytes[id];
        return own == null ? Optional.empty() : Optional.of(Arrays.copyOf(own, own.length));
    }

    /// Whether decoding drops a space that a text begins with.
    public boolean firstSpaceLost() {
        return firstSpaceLost;
    }
}
