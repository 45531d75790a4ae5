package dev.lowrank.text;

import dev.lowrank.text.NativeTokenizer.SpecialTokens;
import dev.lowrank.text.TextException.Code;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// A model's tokenizer: text to token ids and back. Holds native memory until closed. Encoding and decoding
/// may be called
/// from several threads at once; closing may not run beside them.
public final class Tokenizer implements AutoCloseable {
    private final TokenizerFiles files;
    private final Vocabulary vocabulary;
    private final SpecialIds special;
    private final NativeTokenizer trusting;
    private final @Nullable ChatTemplate template;
    private final Object lock = new Object();
    private @Nullable NativeTokenizer distrusting;

    /// @param json what stands in `tokenizer.json`, with or without merges
    private Tokenizer(TokenizerFiles files, ObjectNode json) {
        this.files = files;
        this.vocabulary = Vocabulary.of(json);
        SplitPatterns.check(json);
        this.special = SpecialIds.of(files, vocabulary);
        var source = files.chatTemplate();
        this.template = source == null ? null : ChatTemplate.of(source, special.names());
        this.trusting = NativeTokenizer.of(files.tokenizerBytes());
    }

    /// @param folder a model's folder with `tokenizer.json`; also read, where there:
    ///     `tokenizer_config.json`,
    ///     `special_tokens_map.json`, `generation_config.json`, `chat_template.jinja`, and the ids in
    ///     `config.json`
    /// @return the tokenizer, owned by the caller
    /// @throws TextException `TOK_*`, `JSON_LIMIT` or `TPL_SYNTAX`, naming the file
    public static Tokenizer open(Path folder) {
        return of(TokenizerFiles.read(folder));
    }

    /// @param files the same files from memory, by name; `tokenizer.json` is needed
    /// @return the tokenizer, owned by the caller
    /// @throws TextException as [#open(Path)]
    public static Tokenizer ofFiles(Map<String, byte[]> files) {
        var copies = new LinkedHashMap<String, byte[]>();
        files.forEach((name, bytes) -> copies.put(name, bytes.clone()));
        return of(new TokenizerFiles(copies));
    }

    private static Tokenizer of(TokenizerFiles files) {
        return new Tokenizer(files, files.tokenizerWithoutMerges());
    }

    /// @param vocabulary what a GGUF file says about its tokenizer
    /// @return the tokenizer, owned by the caller
    /// @throws TextException as [GgufTokenizers#toHuggingFace], or `TPL_SYNTAX`
    public static Tokenizer of(GgufVocabulary vocabulary) {
        var json = GgufTokenizers.describe(vocabulary);
        return new Tokenizer(new TokenizerFiles(GgufTokenizers.files(vocabulary, json)), json);
    }

    /// Encodes a whole text: nothing added, cut or padded. Strings of added tokens in the text become those
    /// tokens.
    ///
    /// @param text any Unicode text
    /// @return its ids
    /// @throws IllegalArgumentException if the text has half a surrogate pair
    public int[] encode(String text) {
        return trusting.encode(text, SpecialTokens.OMIT);
    }

    /// Encodes a text with what the tokenizer's post-processing adds to it, such as a first token.
    ///
    /// @param text any Unicode text
    /// @return its ids
    /// @throws IllegalArgumentException if the text has half a surrogate pair
    public int[] encodeWithSpecials(String text) {
        return trusting.encode(text, SpecialTokens.ADD);
    }

    /// Encodes a text from outside: the strings of special tokens in it are letters like any others.
    ///
    /// @param text any Unicode text
    /// @return its ids, none of them special
    /// @throws IllegalArgumentException if the text has half a surrogate pair
    public int[] encodeUntrusted(String text) {
        if (vocabulary.specials().stream().noneMatch(text::contains)) {
            return encode(text);
        }
        var ids = distrusting().encode(text, SpecialTokens.OMIT);
        for (var id : ids) {
            var token = vocabulary.tokens()[id];
            if (token != null && vocabulary.specials().contains(token) && text.contains(token)) {
                throw new TextException(
                        Code.TOK_VOCAB,
                        TokenizerFiles.TOKENIZER,
                        "cannot say '" + token + "' without the special token of that name. Take it out of the text.");
            }
        }
        return ids;
    }

    /// Encodes a conversation through the chat template. The template's special tokens are tokens, those
    /// that the messages
    /// spell are letters.
    ///
    /// @param messages the conversation, oldest first
    /// @param addGenerationPrompt whether the text ends where the assistant's next turn begins
    /// @return its ids, with nothing added to what the template says
    /// @throws TextException `TPL_*` if there is no template or it fails
    public int[] encodeChat(List<ChatMessage> messages, boolean addGenerationPrompt) {
        var chat = chatTemplate()
                .orElseThrow(() -> new TextException(
                        Code.TPL_SYNTAX,
                        TokenizerFiles.CONFIG,
                        "has no chat template: this is a base model. Use plain text, or give the model a "
                                + TokenizerFiles.TEMPLATE + "."));
        return new ChatEncoder(this, vocabulary.specials()).encode(chat, messages, addGenerationPrompt);
    }

    /// @param ids token ids
    /// @return their text, special tokens by name; bytes that form no code point become U+FFFD
    /// @throws TextException `TOK_ID` if an id is outside the vocabulary
    public String decode(int[] ids) {
        for (var id : ids) {
            checkId(id);
        }
        return trusting.decode(ids);
    }

    /// @param id a token id
    /// @return the token as the vocabulary spells it, not decoded
    /// @throws TextException `TOK_ID` if the id is outside the vocabulary or stands for nothing
    public String token(int id) {
        checkId(id);
        var token = vocabulary.tokens()[id];
        if (token == null) {
            throw new TextException(Code.TOK_ID, TokenizerFiles.TOKENIZER, "id " + id + " stands for no token.");
        }
        return token;
    }

    /// @return one more than the largest id; a model may have more embedding rows, never fewer
    public int vocabularySize() {
        return vocabulary.tokens().length;
    }

    /// Compares with another tokenizer, token by token.
    ///
    /// @return the first id that stands for something else there, or for nothing in one of the two; empty
    ///     if they know the same tokens
    public OptionalInt difference(Tokenizer other) {
        var id = Arrays.mismatch(vocabulary.tokens(), other.vocabulary.tokens());
        return id < 0 ? OptionalInt.empty() : OptionalInt.of(id);
    }

    /// @return the id that begins a text, if the files name one
    public OptionalInt bos() {
        return special.bos();
    }

    /// @return the ids that end a text: those of the generation, model and tokenizer configurations
    ///     together
    public Set<Integer> endOfText() {
        return special.endOfText();
    }

    /// The token that stands before a text without context: [#bos()], or the end of text where there is
    /// none.
    ///
    /// @throws TextException `TOK_VOCAB` if the tokenizer has neither
    public int prefixToken() {
        return bos().isPresent()
                ? bos().getAsInt()
                : special.eos()
                        .orElseThrow(
                                () -> new TextException(
                                        Code.TOK_VOCAB,
                                        TokenizerFiles.CONFIG,
                                        "names neither a bos_token nor an eos_token; a text without context needs one of them."));
    }

    /// What the tokenizer puts around the texts of an encoder.
    ///
    /// @throws TextException `TOK_FORMAT` if it does not put one token before and one after a text
    public TextFrame frame() {
        var ids = encodeWithSpecials("");
        if (ids.length != 2) {
            throw new TextException(
                    Code.TOK_FORMAT,
                    TokenizerFiles.TOKENIZER,
                    "puts " + ids.length + " tokens around a text; expected one before and one after it, as an"
                            + " encoder's post-processor does.");
        }
        return new TextFrame(ids[0], ids[1]);
    }

    /// @return the id that stands in the place of a token that is to be guessed, if there is one
    public OptionalInt mask() {
        return special.mask();
    }

    /// @return whether [#encodeWithSpecials(String)] begins with [#bos()]
    public boolean addsBos() {
        var ids = encodeWithSpecials("a");
        return bos().isPresent() && ids.length > 0 && ids[0] == bos().getAsInt();
    }

    /// @return the chat template, if the model has one
    public Optional<ChatTemplate> chatTemplate() {
        return Optional.ofNullable(template);
    }

    /// @return the files to put beside a model's weights, byte for byte, by name; copies
    public Map<String, byte[]> files() {
        return files.copied();
    }

    /// What each token adds to a text.
    ///
    /// @throws TextException `TOK_FORMAT` if tokens have no bytes of their own
    public TokenBytes tokenBytes() {
        return TokenBytes.of(files.tokenizer(), vocabulary, this);
    }

    /// The tokenizer as a GGUF file holds it.
    ///
    /// @param rows of the model's embedding; ids without a token are marked as unused
    /// @throws TextException `TOK_*` if GGUF has no words for it
    public GgufVocabulary toGguf(int rows) {
        return VocabularyExport.of(files, vocabulary, special, rows, addsBos());
    }

    /// @return a new incremental decoder
    public TextStream stream() {
        return new TextStream(this);
    }

    /// Frees the native memory; closing twice does nothing.
    @Override
    public void close() {
        trusting.close();
        synchronized (lock) {
            if (distrusting != null) {
                distrusting.close();
            }
        }
    }

    private NativeTokenizer distrusting() {
        synchronized (lock) {
            var own = distrusting;
            if (own == null) {
                own = NativeTokenizer.of(Json.write(PlainTokenizer.withoutSpecials(files.tokenizer(), vocabulary)));
                distrusting = own;
            }
            return own;
        }
    }

    private void checkId(int id) {
        if (id < 0 || id >= vocabularySize()) {
            throw new TextException(
                    Code.TOK_ID, TokenizerFiles.TOKENIZER, "id " + id + " is not in [0, " + vocabularySize() + ").");
        }
    }
}
