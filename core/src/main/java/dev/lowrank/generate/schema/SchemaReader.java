package dev.lowrank.generate.schema;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// Turns a schema into shapes. A value is known by the places that hold for it together, so that a schema
/// that refers to itself ends.
final class SchemaReader {
    private static final int MOST_VALUES = 5000;
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private final Alternatives alternatives;
    private final ScalarReader scalars;
    private final TokenTree tokens;
    private final Automaton names;
    private final Map<List<Place>, Value> values = new HashMap<>();
    private final Deque<List<Place>> open = new ArrayDeque<>();

    private SchemaReader(JsonNode root, TokenTree tokens) {
        this.tokens = tokens;
        alternatives = new Alternatives(root);
        scalars = new ScalarReader(tokens);
        names = StringAutomata.names(tokens.alphabet());
    }

    /// The values that a schema allows.
    ///
    /// @throws SchemaException if it is broken or has a part that is not supported
    static Value read(JsonNode schema, TokenTree tokens) {
        SchemaText.check(schema);
        for (var value : "{}[]:,\"".toCharArray()) {
            if (!tokens.alphabet().contains(value)) {
                throw new SchemaException("text", "#", "the vocabulary has no token for '" + value + "' alone");
            }
        }
        return new SchemaReader(schema, tokens).read(new Place("#", schema));
    }

    private Value read(Place root) {
        var value = value(List.of(root));
        while (!open.isEmpty()) {
            var places = open.poll();
            shapes(places);
        }
        var lower = true;
        while (lower) {
            lower = false;
            for (var other : values.values()) {
                lower |= other.lower();
            }
        }
        return value;
    }

    private Value value(List<Place> places) {
        var key = places.stream()
                .distinct()
                .sorted(Comparator.comparing(Place::pointer))
                .toList();
        var known = values.get(key);
        if (known != null) {
            return known;
        }
        if (values.size() >= MOST_VALUES) {
            throw new SchemaException("text", "#", "has more than " + MOST_VALUES + " kinds of values");
        }
        var value = new Value();
        values.put(key, value);
        open.add(key);
        return value;
    }

    private void shapes(List<Place> places) {
        var shapes = new ArrayList<Shape>();
        for (var alternative : alternatives.of(places)) {
            if (Literals.present(alternative)) {
                shapes.addAll(literals(alternative));
            } else {
                shapes.addAll(kinds(alternative));
            }
        }
        value(places).is(shapes);
    }

    private List<Shape> kinds(List<Place> places) {
        var kinds = Kind.generated(places);
        var shapes = new ArrayList<Shape>(scalars.read(places, kinds));
        if (kinds.contains(Kind.ARRAY)) {
            shapes.add(items(places));
        }
        if (kinds.contains(Kind.OBJECT)) {
            shapes.add(members(places));
        }
        return shapes;
    }

    private Shape items(List<Place> places) {
        var least = 0;
        var most = Scalar.UNBOUNDED;
        var prefix = 0;
        for (var place : places) {
            if (place.node().path("items").isArray()) {
                throw place.fault("items", "is a list of schemas, which is called prefixItems now");
            }
            if (!place.node().path("uniqueItems").isMissingNode()
                    && place.node().path("uniqueItems").asBoolean(true)) {
                throw place.fault("uniqueItems", "is not supported");
            }
            least = Math.max(least, place.count("minItems", 0));
            most = Math.min(most, place.count("maxItems", Scalar.UNBOUNDED));
            prefix = Math.max(prefix, place.all("prefixItems").size());
        }
        var first = new ArrayList<Value>();
        for (var i = 0; i < prefix; i++) {
            first.add(item(places, i));
        }
        return new Items(first, item(places, prefix), least, most);
    }

    private Value item(List<Place> places, int i) {
        var all = new ArrayList<Place>();
        for (var place : places) {
            var prefix = place.all("prefixItems");
            if (i < prefix.size()) {
                all.add(prefix.get(i));
            } else {
                place.keyword("items").ifPresent(schema -> all.add(place.at("items", schema)));
            }
        }
        return value(all);
    }

    private Shape members(List<Place> places) {
        var least = 0;
        var most = Scalar.UNBOUNDED;
        for (var place : places) {
            least = Math.max(least, place.count("minProperties", 0));
            most = Math.min(most, place.count("maxProperties", Scalar.UNBOUNDED));
        }
        var additional = ObjectKeywords.additional(places);
        var required = new BitSet();
        var spelled = new ArrayList<String>();
        var own = new ArrayList<Value>();
        for (var name : ObjectKeywords.names(places)) {
            required.set(own.size(), ObjectKeywords.required(places).contains(name));
            var quoted = SchemaText.quoted(name);
            var written = !Automaton.literal(quoted, tokens.alphabet()).isEmpty();
            spelled.add(quoted.substring(1, quoted.length() - 1));
            own.add(written ? value(ObjectKeywords.declared(places, name)) : new Value());
        }
        return new Members(new NameTree(spelled, names), own, required, value(additional), least, most);
    }

    private List<Shape> literals(List<Place> places) {
        var allowed = Kind.allowed(places);
        var kept = new ArrayList<String>();
        var shapes = new ArrayList<Shape>();
        var tests = new HashMap<Kind, List<Scalar>>();
        for (var literal : Literals.of(places)) {
            var kind = Kind.of(literal);
            if (!allowed.contains(kind)) {
                continue;
            }
            switch (kind) {
                case ARRAY, OBJECT -> shapes.add(composite(places, literal));
                default -> {
                    var text = SchemaText.written(literal);
                    var test = tests.computeIfAbsent(kind, k -> scalars.read(places, EnumSet.of(k)));
                    if (test.stream().anyMatch(scalar -> scalar.accepts(text))) {
                        kept.add(text);
                    }
                }
            }
        }
        if (!kept.isEmpty()) {
            shapes.add(Scalar.of(scalars.charged(places.getFirst(), "enum", texts(kept))));
        }
        return shapes;
    }

    private Automaton texts(List<String> texts) {
        var nfa = new NfaBuilder();
        var start = nfa.state();
        var end = nfa.state();
        texts.forEach(text -> nfa.bytes(start, text.getBytes(StandardCharsets.UTF_8), end));
        return nfa.deterministic(start, end, tokens.alphabet());
    }

    /// A list or an object of fixed values.
    private Shape composite(List<Place> places, JsonNode literal) {
        for (var place : places) {
            for (var field : place.node().properties()) {
                if (Kind.speaksOfParts(field.getKey())) {
                    throw place.fault(field.getKey(), "is not supported beside a const or enum with lists or objects");
                }
            }
        }
        // No reference leads here, for they all begin with #.
        var pointer = "=" + places.getFirst().pointer() + "/" + literal;
        if (literal.isArray()) {
            var items = new ArrayList<Value>();
            for (var i = 0; i < literal.size(); i++) {
                items.add(fixed(pointer + "/" + i, literal.get(i)));
            }
            return new Items(items, null, items.size(), items.size());
        }
        var spelled = new ArrayList<String>();
        var own = new ArrayList<Value>();
        for (var member : literal.properties()) {
            var quoted = SchemaText.quoted(member.getKey());
            spelled.add(quoted.substring(1, quoted.length() - 1));
            own.add(fixed(pointer + "/" + member.getKey(), member.getValue()));
        }
        var required = new BitSet();
        required.set(0, own.size());
        return new Members(new NameTree(spelled, names), own, required, null, own.size(), own.size());
    }

    private Value fixed(String pointer, JsonNode literal) {
        return value(List.of(new Place(pointer, NODES.objectNode().set("const", literal))));
    }
}
