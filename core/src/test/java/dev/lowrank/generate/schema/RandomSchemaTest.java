package dev.lowrank.generate.schema;

import static org.assertj.core.api.Assertions.assertThat;

import com.networknt.schema.InputFormat;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// Schemas put together at random, many of them without sense: what a grammar is made of lets through only
/// valid texts.
class RandomSchemaTest {
    private static final int SCHEMAS = 300;
    private static final int LEVELS = 3;
    private static final TokenTree TREE = Vocabularies.tricky();
    private static final JsonMapper JSON = new JsonMapper();
    private static final List<String> NAMES = List.of("name", "kind", "a", "ab", "k\u00e9\"y");
    private static final List<String> PATTERNS = List.of("^a+$", "b", "^[a-c]{2,4}$", "\\d{2}$", "^(ab|c)*$");

    @Test
    void everythingThatIsLetThroughIsValid() {
        var registry = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12);
        var held = 0;
        var texts = 0;
        for (var seed = 0; seed < SCHEMAS; seed++) {
            var schema = new Maker(seed).whole().toString();
            Grammar grammar;
            try {
                grammar = Grammar.ofSchema(schema, TREE);
            } catch (SchemaException refused) {
                assertThat(refused.keyword()).isIn("meaning", "oneOf");
                continue;
            }
            held++;
            var validator = registry.getSchema(schema, InputFormat.JSON);
            for (var round = 0; round < 8; round++) {
                var attempt = new RandomText(TREE, seed * 100L + round).attempt(grammar, 5 * round);
                if (attempt.isEmpty()) {
                    continue;
                }
                texts++;
                var text = attempt.get();
                assertThat(validator.validate(text, InputFormat.JSON))
                        .as(text + " of " + schema)
                        .isEmpty();
            }
        }
        assertThat(held).isGreaterThan(SCHEMAS / 2);
        assertThat(texts).isGreaterThan(7 * held);
    }

    /// Makes one schema.
    private static final class Maker {
        private final SplittableRandom random;

        Maker(long seed) {
            random = new SplittableRandom(seed);
        }

        private boolean chance(int oneIn) {
            return random.nextInt(oneIn) == 0;
        }

        private <T> T one(List<T> list) {
            return list.get(random.nextInt(list.size()));
        }

        ObjectNode whole() {
            var schema = schema(LEVELS);
            schema.putObject("$defs").set("again", schema(1));
            return schema;
        }

        private ObjectNode schema(int levels) {
            var schema = JSON.createObjectNode();
            switch (random.nextInt(levels > 0 ? 9 : 5)) {
                case 0 -> string(schema.put("type", "string"));
                case 1 -> number(schema.put("type", chance(2) ? "integer" : "number"));
                case 2 ->
                    schema.putArray("enum").add("a").add(1).add("ab").addNull().add(2.5);
                case 3 -> schema.put("const", one(NAMES));
                case 4 -> schema.put("type", chance(2) ? "boolean" : "null");
                case 5 -> list(schema.put("type", "array"), levels - 1);
                case 6, 7 -> object(schema.put("type", "object"), levels - 1);
                default -> combined(schema, levels - 1);
            }
            return schema;
        }

        private void string(ObjectNode schema) {
            if (chance(2)) {
                schema.put("minLength", random.nextInt(3));
            }
            if (chance(2)) {
                schema.put("maxLength", 2 + random.nextInt(6));
            }
            if (chance(3)) {
                schema.put("pattern", one(PATTERNS));
            }
        }

        private void number(ObjectNode schema) {
            if (chance(2)) {
                schema.put(chance(2) ? "minimum" : "exclusiveMinimum", random.nextInt(-300, 200) / 4.0);
            }
            if (chance(2)) {
                schema.put(chance(2) ? "maximum" : "exclusiveMaximum", random.nextInt(-200, 300) / 4.0);
            }
            if (chance(4)) {
                schema.put("multipleOf", 1 + random.nextInt(9));
            }
        }

        private void list(ObjectNode schema, int levels) {
            if (chance(3)) {
                var first = schema.putArray("prefixItems");
                for (var i = random.nextInt(3); i >= 0; i--) {
                    first.add(schema(levels));
                }
            }
            schema.set("items", schema(levels));
            schema.put("minItems", random.nextInt(3));
            schema.put("maxItems", 1 + random.nextInt(4));
        }

        private void object(ObjectNode schema, int levels) {
            var properties = schema.putObject("properties");
            var names = new ArrayList<String>();
            for (var i = random.nextInt(4); i > 0; i--) {
                var name = one(NAMES);
                properties.set(name, chance(5) ? JSON.createObjectNode().put("$ref", "#/$defs/again") : schema(levels));
                names.add(name);
            }
            if (!names.isEmpty() && chance(2)) {
                schema.putArray("required").add(one(names));
            }
            switch (random.nextInt(4)) {
                case 0 -> schema.put("additionalProperties", false);
                case 1 -> schema.set("additionalProperties", schema(0));
                default -> {}
            }
            if (chance(4)) {
                schema.put("maxProperties", 1 + random.nextInt(3));
            }
            if (chance(6)) {
                schema.put("minProperties", 1 + random.nextInt(2));
            }
        }

        private void combined(ObjectNode schema, int levels) {
            var branches = schema.putArray(one(List.of("anyOf", "allOf", "oneOf")));
            for (var i = random.nextInt(1, 3); i >= 0; i--) {
                branches.add(schema(levels));
            }
        }
    }
}
