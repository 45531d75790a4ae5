package dev.lowrank.generate.schema;

import static org.assertj.core.api.Assertions.assertThat;

import com.networknt.schema.InputFormat;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import dev.lowrank.model.KvCache;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.Sampler;
import dev.lowrank.model.SamplingOptions;
import dev.lowrank.text.Tokenizer;
import java.nio.file.Path;
import java.util.BitSet;
import org.junit.jupiter.api.Test;

/// The pocket model writes JSON though nobody taught it any.
class GrammarModelTest {
    private static final String SCHEMA = """
            {"type":"object","required":["title","year","genre","people"],"additionalProperties":false,"properties":{
             "title":{"type":"string","minLength":1,"maxLength":24},
             "year":{"type":"integer","minimum":1900,"maximum":2030},
             "genre":{"enum":["drama","comedy","thriller"]},
             "people":{"type":"array","minItems":1,"maxItems":3,"items":{"type":"object",
               "properties":{"name":{"type":"string","maxLength":12},"lead":{"type":"boolean"}},
               "required":["name","lead"]}}}}""";
    private static final int MOST_TOKENS = 400;

    private final Path folder =
            Path.of(System.getProperty("lowrank.root", "..")).resolve("models/pocket");

    @Test
    void whatItWritesFollowsTheSchema() {
        var validator = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                .getSchema(SCHEMA, InputFormat.JSON);
        try (var model = LanguageModel.open(folder);
                var tokenizer = model.tokenizer();
                var decoder = RowDecoder.of(model, 2)) {
            var grammar = Grammar.ofSchema(SCHEMA, TokenTree.of(tokenizer));
            for (var seed = 0; seed < 8; seed++) {
                var text = write(decoder, tokenizer, grammar, SamplingOptions.sampled(seed));
                assertThat(validator.validate(text, InputFormat.JSON)).as(text).isEmpty();
            }
        }
    }

    private static String write(RowDecoder decoder, Tokenizer tokenizer, Grammar grammar, SamplingOptions options) {
        var sampler = Sampler.of(options, tokenizer.vocabularySize());
        var text = grammar.start();
        var allowed = new BitSet();
        var stream = tokenizer.stream();
        var written = new StringBuilder();
        try (var cache = KvCache.of(decoder.spec(), MOST_TOKENS + 20)) {
            var logits = decoder.prefill(tokenizer.encode("The film in JSON: "), cache);
            for (var count = 0; count < MOST_TOKENS; count++) {
                text.allowed(allowed);
                if (text.complete()) {
                    return written.append(stream.finish()).toString();
                }
                var masked = logits.clone();
                for (var token = allowed.nextClearBit(0);
                        token < masked.length;
                        token = allowed.nextClearBit(token + 1)) {
                    masked[token] = Float.NEGATIVE_INFINITY;
                }
                var token = sampler.next(masked);
                written.append(stream.accept(token));
                text.accept(token);
                logits = decoder.step(token, cache);
            }
        }
        throw new AssertionError("Not at its end after " + MOST_TOKENS + " tokens: " + written);
    }

    @Test
    void patternsHoldPlainTexts() {
        try (var tokenizer = Tokenizer.open(folder)) {
            var tree = TokenTree.of(tokenizer);
            var grammar = Grammar.ofPattern("(yes|no|maybe) \\d{1,3}%", tree);
            for (var seed = 0; seed < 30; seed++) {
                assertThat(new RandomText(tree, seed).write(grammar, 50)).matches("(yes|no|maybe) \\d{1,3}%");
            }
        }
    }

    @Test
    void aTokensBytesAreWhatItAddsToAText() {
        try (var tokenizer = Tokenizer.open(folder)) {
            var bytes = tokenizer.tokenBytes();
            var text = "Na\u00efve caf\u00e9s \u20ac 12 \ud83d\ude00\n\tend";
            var joined = new java.io.ByteArrayOutputStream();
            for (var id : tokenizer.encode(text)) {
                joined.writeBytes(bytes.bytes(id).orElseThrow());
            }
            assertThat(joined.toString(java.nio.charset.StandardCharsets.UTF_8)).isEqualTo(text);
            tokenizer.endOfText().forEach(id -> assertThat(bytes.bytes(id)).isEmpty());
        }
    }
}
