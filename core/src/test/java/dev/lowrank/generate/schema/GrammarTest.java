package dev.lowrank.generate.schema;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.networknt.schema.InputFormat;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import dev.lowrank.generate.TokenConstraint;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/// What a grammar lets through is valid, and what is valid and written as JSON writers do is let through.
class GrammarTest {
    private static final JsonMapper STRICT = JsonMapper.builder(JsonFactory.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();
    private static final TokenTree TREE = Vocabularies.tricky();

    private static final String PERSON = """
            {"type":"object","required":["name","age"],"additionalProperties":false,"properties":{
             "name":{"type":"string","minLength":1,"maxLength":8},
             "age":{"type":"integer","minimum":0,"maximum":130},
             "tags":{"type":"array","items":{"enum":["a","b","c\\u00e9"]},"minItems":1,"maxItems":3},
             "born":{"type":["string","null"],"format":"date"}}}""";

    private static final String TREE_SCHEMA = """
            {"$ref":"#/$defs/node","$defs":{"node":{"type":"object","required":["value","children"],
             "properties":{"value":{"type":"number"},"children":{"type":"array","items":{"$ref":"#/$defs/node"}}}}}}""";

    private static final String SHAPES = """
            {"oneOf":[
             {"type":"object","properties":{"kind":{"const":"circle"},"r":{"type":"number","exclusiveMinimum":0}},
              "required":["kind","r"]},
             {"type":"object","properties":{"kind":{"const":"box"},"w":{"type":"integer"},"h":{"type":"integer"}},
              "required":["kind","w","h"]},
             {"type":"null"}]}""";

    /// Schemas by name.
    private static final Map<String, String> SCHEMAS = new TreeMap<>(Map.ofEntries(
            Map.entry("person", PERSON),
            Map.entry("tree", TREE_SCHEMA),
            Map.entry("shapes", SHAPES),
            Map.entry("anything", "true"),
            Map.entry("any object", "{\"type\":\"object\"}"),
            Map.entry("any array", "{\"type\":\"array\",\"minItems\":2}"),
            Map.entry("string", "{\"type\":\"string\"}"),
            Map.entry("short string", "{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}"),
            Map.entry("integer", "{\"type\":\"integer\"}"),
            Map.entry("number", "{\"type\":\"number\"}"),
            Map.entry("bounded", "{\"type\":\"number\",\"minimum\":-12.5,\"exclusiveMaximum\":3.25}"),
            Map.entry("high", "{\"type\":\"number\",\"exclusiveMinimum\":99.95}"),
            Map.entry("negative", "{\"type\":\"integer\",\"exclusiveMaximum\":0,\"minimum\":-1050}"),
            Map.entry("sevens", "{\"type\":\"integer\",\"multipleOf\":7,\"minimum\":100}"),
            Map.entry("cents", "{\"type\":\"number\",\"multipleOf\":0.01,\"minimum\":0}"),
            Map.entry("pattern", "{\"type\":\"string\",\"pattern\":\"^[a-c]{2,5}(-\\\\d+)?$\"}"),
            Map.entry("searched", "{\"type\":\"string\",\"pattern\":\"ab+|^x|y$\",\"maxLength\":12}"),
            Map.entry("quotes", "{\"type\":\"string\",\"pattern\":\"^[\\\"\\\\\\\\\\\\n\\u20ac-\\ud83d\\ude00]+$\"}"),
            Map.entry("date-time", "{\"type\":\"string\",\"format\":\"date-time\"}"),
            Map.entry("uuid", "{\"format\":\"uuid\"}"),
            Map.entry("uri", "{\"type\":\"string\",\"format\":\"uri\"}"),
            Map.entry("ipv4", "{\"type\":\"string\",\"format\":\"ipv4\"}"),
            Map.entry("enum", "{\"enum\":[\"a\",\"ab\",1,2.5,null,true,{\"k\":[1,\"\\\"\"]},[]]}"),
            Map.entry(
                    "tuple",
                    "{\"type\":\"array\",\"prefixItems\":[{\"type\":\"integer\"},{\"type\":\"string\"}],"
                            + "\"items\":false,\"minItems\":2}"),
            Map.entry(
                    "extra",
                    "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"integer\"},\"nam\":true},"
                            + "\"additionalProperties\":{\"type\":\"boolean\"},\"minProperties\":2,\"maxProperties\":4,"
                            + "\"required\":[\"name\"]}"),
            Map.entry(
                    "escaped names",
                    "{\"type\":\"object\",\"properties\":{\"a\\\"b\":{\"const\":1},"
                            + "\"\\u0001\":{\"const\":2},\"\\u00e9\":{\"const\":3}},"
                            + "\"additionalProperties\":{\"type\":\"null\"}}"),
            Map.entry(
                    "all of",
                    "{\"allOf\":[{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"number\"}},"
                            + "\"required\":[\"a\"]},{\"properties\":{\"a\":{\"minimum\":5},\"b\":{\"type\":\"string\"}},"
                            + "\"required\":[\"b\"]}]}"),
            Map.entry(
                    "any of",
                    "{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"array\",\"items\":{\"type\":"
                            + "\"integer\"}},{\"type\":\"array\",\"items\":{\"type\":\"number\"},\"maxItems\":2}]}"),
            Map.entry(
                    "optional",
                    "{\"type\":\"object\",\"properties\":{\"a\":{\"anyOf\":[{\"type\":\"string\"},"
                            + "{\"type\":\"null\"}]},\"b\":false,\"c\":{\"$ref\":\"#\"}}}")));

    static Stream<String> names() {
        return SCHEMAS.keySet().stream();
    }

    @ParameterizedTest
    @MethodSource("names")
    void everythingThatIsLetThroughIsValid(String name) {
        var schema = SCHEMAS.get(name);
        var grammar = Grammar.ofSchema(schema, TREE);
        var validator = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                .getSchema(schema, InputFormat.JSON);
        for (var seed = 0; seed < 150; seed++) {
            var text = new RandomText(TREE, seed).write(grammar, seed % 40);
            assertThat(text).doesNotContain("\uFFFD");
            STRICT.readTree(text);
            assertThat(validator.validate(
                            text,
                            InputFormat.JSON,
                            context -> context.executionConfig(config -> config.formatAssertionsEnabled(true))))
                    .as(text)
                    .isEmpty();
            assertThat(grammar.accepts(text)).as(text).isTrue();
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    void masksAreWhatEachTokenSaysByItself(String name) {
        var grammar = Grammar.ofSchema(SCHEMAS.get(name), TREE);
        var random = new SplittableRandom(5);
        var allowed = new BitSet();
        for (var round = 0; round < 12; round++) {
            var text = grammar.start();
            for (var step = 0; step < 25; step++) {
                text.allowed(allowed);
                if (allowed.isEmpty()) {
                    break;
                }
                assertThat(allowed).isEqualTo(bruteForce(text));
                var token = allowed.nextSetBit(random.nextInt(allowed.length()));
                text.accept(token);
            }
        }
    }

    private static BitSet bruteForce(TokenConstraint text) {
        var expected = new BitSet();
        for (var token = 0; token < TREE.size(); token++) {
            expected.set(token, Grammar.allows(text, token));
        }
        return expected;
    }

    @Test
    void validDocumentsAreAccepted() {
        accepted(PERSON, "{\"name\":\"Zo\u00eb\",\"age\":0}", "{\"age\": 130, \"name\": \"\\u0041\"}");
        accepted(PERSON, "{\n  \"tags\": [\n    \"a\",\n    \"c\u00e9\"\n  ],\n  \"name\" : \"x\",\n  \"age\": 7\n}");
        refused(PERSON, "{\"name\":\"x\"}", "{\"name\":\"x\",\"age\":131}", "{\"name\":\"\",\"age\":1}");
        refused(PERSON, "{\"name\":\"x\",\"age\":1,\"other\":1}", "{\"name\":\"x\",\"age\":1,\"age\":2}");
        accepted(TREE_SCHEMA, "{\"value\":1,\"children\":[{\"children\":[],\"value\":-2.5e3}]}");
        accepted(SHAPES, "null", "{\"kind\":\"box\",\"h\":1,\"w\":2}", "{\"r\":0.5,\"kind\":\"circle\"}");
        refused(SHAPES, "{\"kind\":\"box\",\"r\":1}", "{\"r\":0,\"kind\":\"circle\"}");
        accepted("true", "[1, {\"a\": [null, true, \"\\ud83d\\ude00\"]}, -0.0]");
        refused("true", "\"\\ud83d\"", "01", "[1,]", "{\"a\":1,\"a\":2}", "nul", "\"\t\"");
    }

    @ParameterizedTest
    @ValueSource(strings = {"-12.5", "-12.49", "-0.1", "0", "3.2499999", "3", "-12", "2.0", "3.24"})
    void boundsLetInWhatIsWithin(String number) {
        accepted(SCHEMAS.get("bounded"), number);
        refused(SCHEMAS.get("bounded"), "-12.51", "-13", "3.25", "3.250", "4", "10", "-100", "3.2500001");
    }

    @Test
    void wholeNumbersAreCountedExactly() {
        for (var low = -25; low <= 25; low += 5) {
            for (var high = low; high <= 30; high += 7) {
                var grammar = Grammar.ofSchema(
                        "{\"type\":\"integer\",\"minimum\":" + low + ",\"exclusiveMaximum\":" + (high + 1) + "}", TREE);
                for (var i = -130; i < 130; i++) {
                    assertThat(grammar.accepts("" + i))
                            .as(low + " <= " + i + " <= " + high)
                            .isEqualTo(low <= i && i <= high);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a{2,4}b?|c+",
                "(?:ab|a)*c",
                "[^a]b",
                "\\d\\w\\s",
                ".",
                "(a|b(c|d)?){1,3}",
                "^a$|b",
                "a?b?c?",
                "[a-c1]+?",
                "[\\d\\-a]{2}",
                "\\x61\\u0062",
                "\\p{L}+",
                "(?<n>a)b"
            })
    void patternsAgreeWithTheLibrarys(String pattern) {
        var grammar = Grammar.ofPattern(pattern, TREE);
        var library = Pattern.compile(pattern);
        for (var text : texts("abcd1 ", 5)) {
            assertThat(grammar.accepts(text))
                    .as(text)
                    .isEqualTo(library.matcher(text).matches());
        }
    }

    private static List<String> texts(String letters, int longest) {
        var all = new ArrayList<String>(List.of(""));
        for (var i = 0; i < all.size() && all.get(i).length() < longest; i++) {
            for (var k = 0; k < letters.length(); k++) {
                all.add(all.get(i) + letters.charAt(k));
            }
        }
        return all;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"type\":\"string\",\"pattern\":\"(?<=a)b\"}|pattern",
                "{\"type\":\"string\",\"pattern\":\"(?=a)b\"}|pattern",
                "{\"type\":\"string\",\"pattern\":\"(a)\\\\1\"}|pattern",
                "{\"type\":\"string\",\"pattern\":\"(a\"}|pattern",
                "{\"type\":\"string\",\"pattern\":\"((a{1000}){1000}){1000}\"}|pattern",
                "{\"type\":\"string\",\"pattern\":\"(a|b)*a(a|b){30}\"}|pattern",
                "{\"type\":\"string\",\"format\":\"hostname\"}|format",
                "{\"not\":{}}|not",
                "{\"if\":{},\"then\":{}}|if",
                "{\"type\":\"object\",\"patternProperties\":{}}|patternProperties",
                "{\"type\":\"array\",\"uniqueItems\":true}|uniqueItems",
                "{\"type\":\"array\",\"contains\":{}}|contains",
                "{\"type\":\"thing\"}|type",
                "{\"$ref\":\"https://example.org/x\"}|$ref",
                "{\"$ref\":\"#/nowhere\"}|$ref",
                "{\"$ref\":\"#\"}|$ref",
                "{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"number\"}]}|oneOf",
                "{\"oneOf\":[{\"properties\":{\"a\":true}},{\"properties\":{\"b\":true}}]}|oneOf",
                "{\"type\":\"number\",\"multipleOf\":0.3}|multipleOf",
                "{\"type\":\"object\",\"properties\":{\"a\":{\"misspelt\":1}}}|misspelt",
                "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}|meaning",
                "false|meaning",
                "{\"type\":\"integer\",\"minimum\":2,\"maximum\":1}|meaning",
                "[]|schema",
                "{|text"
            })
    @Timeout(5)
    void whatIsNotSupportedIsNamed(String line) {
        var cut = line.lastIndexOf('|');
        assertThatThrownBy(() -> Grammar.ofSchema(line.substring(0, cut), TREE))
                .isInstanceOfSatisfying(
                        SchemaException.class,
                        fault -> assertThat(fault.keyword()).isEqualTo(line.substring(cut + 1)));
    }

    @Test
    @Timeout(5)
    void depthIsRefusedQuickly() {
        var deep = "{\"items\":".repeat(60_000) + "true" + "}".repeat(60_000);
        assertThatThrownBy(() -> Grammar.ofSchema(deep, TREE)).isInstanceOf(SchemaException.class);
        var groups = "(".repeat(2000) + "a" + ")".repeat(2000);
        assertThatThrownBy(() -> Grammar.ofPattern(groups, TREE)).isInstanceOf(SchemaException.class);
        assertThatThrownBy(() -> Grammar.ofPattern("(".repeat(60_000), TREE)).isInstanceOf(SchemaException.class);
    }

    @Test
    @Timeout(10)
    void schemasThatMultiplyAreRefusedQuickly() {
        var definitions = new StringBuilder("{\"$ref\":\"#/$defs/d0\",\"$defs\":{");
        for (var i = 0; i < 40; i++) {
            var next = "{\"$ref\":\"#/$defs/d" + (i + 1) + "\"}";
            definitions.append(
                    "\"d" + i + "\":{\"allOf\":[{\"anyOf\":[" + next + ",{\"minLength\":" + i + "}]}," + next + "]},");
        }
        definitions.append("\"d40\":{\"type\":\"string\"}}}");
        assertThatThrownBy(() -> Grammar.ofSchema(definitions.toString(), TREE)).isInstanceOf(SchemaException.class);
    }

    @Test
    @Timeout(20)
    void patternsThatAreLargeTogetherAreRefused() {
        var properties = new StringBuilder("{\"type\":\"object\",\"properties\":{");
        for (var i = 0; i < 400; i++) {
            properties.append(
                    "\"p" + i + "\":{\"type\":\"string\",\"maxLength\":3,\"pattern\":\"" + i + "(a|b)*a(a|b){10}\"},");
        }
        properties.append("\"last\":true}}");
        assertThatThrownBy(() -> Grammar.ofSchema(properties.toString(), TREE))
                .isInstanceOf(SchemaException.class)
                .hasMessageContaining("together");
    }

    @Test
    void aTokenThatWasNotAllowedIsRefused() {
        var text = Grammar.ofAnyObject(TREE).start();
        assertThatThrownBy(() -> text.accept('x')).isInstanceOf(IllegalArgumentException.class);
        text.accept('{');
        assertThat(text.complete()).isFalse();
        text.accept('}');
        assertThat(text.complete()).isTrue();
        var allowed = new BitSet();
        text.allowed(allowed);
        assertThat(allowed.isEmpty()).isTrue();
    }

    private static void accepted(String schema, String... texts) {
        for (var text : texts) {
            assertThat(Grammar.ofSchema(schema, TREE).accepts(text)).as(text).isTrue();
        }
    }

    private static void refused(String schema, String... texts) {
        for (var text : texts) {
            assertThat(Grammar.ofSchema(schema, TREE).accepts(text)).as(text).isFalse();
        }
    }
}
