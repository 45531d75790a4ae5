package dev.lowrank.generate.schema;

import dev.lowrank.generate.schema.NumberRanges.Bound;
import dev.lowrank.generate.schema.RegexParser.UnsupportedException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// What places that hold together say about values without parts.
final class ScalarReader {
    private static final int MOST_DIVISOR = 1000;
    private static final int MOST_PLACES = 10;

    /// What even the smallest automaton counts.
    private static final int LEAST_STATES = 20;

    /// Most states of all automata of a schema together: what it may take of memory and time.
    private static final int MOST_STATES = 200_000;

    private final ByteSet alphabet;
    private final int reach;
    private final Automaton strings;
    private final Map<String, Automaton> fixed = new HashMap<>();
    private int states;

    ScalarReader(TokenTree tokens) {
        alphabet = tokens.alphabet();
        reach = tokens.longest();
        strings = StringAutomata.any(alphabet);
    }

    /// The scalars among some kinds.
    List<Scalar> read(List<Place> places, Set<Kind> kinds) {
        var scalars = new ArrayList<Scalar>();
        if (kinds.contains(Kind.NULL)) {
            scalars.add(Scalar.of(literal("null")));
        }
        if (kinds.contains(Kind.BOOLEAN)) {
            scalars.add(Scalar.of(literal("true")));
            scalars.add(Scalar.of(literal("false")));
        }
        if (kinds.contains(Kind.NUMBER) || kinds.contains(Kind.INTEGER)) {
            scalars.add(Scalar.of(numbers(places, !kinds.contains(Kind.NUMBER))));
        }
        if (kinds.contains(Kind.STRING)) {
            scalars.add(strings(places));
        }
        return scalars;
    }

    private Automaton literal(String text) {
        return fixed.computeIfAbsent(text, name -> Automaton.literal(name, alphabet));
    }

    private Automaton numbers(List<Place> places, boolean integer) {
        @Nullable Bound least = null;
        @Nullable Bound most = null;
        for (var place : places) {
            least = tighter(least, bound(place, "minimum", false), 1);
            least = tighter(least, bound(place, "exclusiveMinimum", true), 1);
            most = tighter(most, bound(place, "maximum", false), -1);
            most = tighter(most, bound(place, "exclusiveMaximum", true), -1);
        }
        if (least == null
                && most == null
                && places.stream().noneMatch(p -> p.node().has("multipleOf"))) {
            return fixed.computeIfAbsent(
                    integer ? "integer" : "number", _ -> NumberRanges.automaton(integer, null, null, alphabet));
        }
        var numbers = NumberRanges.automaton(integer, least, most, alphabet);
        for (var place : places) {
            if (place.node().has("multipleOf")) {
                numbers = numbers.and(charged(place, "multipleOf", multiples(place)));
            }
        }
        return charged(places.getFirst(), "minimum", numbers);
    }

    private static @Nullable Bound bound(Place place, String keyword, boolean strict) {
        var number = place.node().get(keyword);
        if (number == null) {
            return null;
        }
        if (!number.isNumber()) {
            throw place.fault(keyword, number + " is not a number");
        }
        return naming(place, keyword, () -> new Bound(number.decimalValue(), strict));
    }

    private static @Nullable Bound tighter(@Nullable Bound one, @Nullable Bound other, int direction) {
        if (one == null || other == null) {
            return one == null ? other : one;
        }
        var order = Integer.signum(one.value().compareTo(other.value())) * direction;
        return order > 0 || (order == 0 && one.strict()) ? one : other;
    }

    private Automaton multiples(Place place) {
        var number = place.node().path("multipleOf");
        var divisor = number.isNumber() ? number.decimalValue() : BigDecimal.ZERO;
        var plain = divisor.signum() > 0 ? divisor.stripTrailingZeros() : divisor;
        if (plain.signum() > 0 && plain.scale() <= 0 && plain.compareTo(BigDecimal.valueOf(MOST_DIVISOR)) <= 0) {
            return NumberRanges.multiples(plain.intValueExact(), alphabet);
        }
        if (plain.unscaledValue().intValue() == 1 && plain.scale() > 0 && plain.scale() <= MOST_PLACES) {
            return NumberRanges.places(plain.scale(), alphabet);
        }
        throw place.fault(
                "multipleOf",
                number + " is not supported; whole numbers from 1 to " + MOST_DIVISOR + ", 0.1, 0.01 and so on are");
    }

    private Scalar strings(List<Place> places) {
        var least = 0;
        var most = Scalar.UNBOUNDED;
        @Nullable Automaton matching = null;
        for (var place : places) {
            least = Math.max(least, place.count("minLength", 0));
            most = Math.min(most, place.count("maxLength", Scalar.UNBOUNDED));
            matching = and(place, "pattern", matching);
            matching = and(place, "format", matching);
        }
        var counted = least > 0 || most != Scalar.UNBOUNDED;
        if (matching == null) {
            return new Scalar(strings, least, most, counted, reach);
        }
        if (!counted || least > most) {
            return new Scalar(matching, least, most, false, reach);
        }
        var found = matching;
        var low = least;
        var high = most == Scalar.UNBOUNDED ? -1 : most;
        var place = places.getFirst();
        var keyword = "maxLength beside a pattern";
        var both = naming(place, keyword, () -> found.and(StringAutomata.ofLength(low, high, alphabet)));
        return Scalar.of(charged(place, keyword, both));
    }

    private @Nullable Automaton and(Place place, String keyword, @Nullable Automaton before) {
        if (!place.node().has(keyword)) {
            return before;
        }
        var text = place.text(keyword);
        var known = fixed.get(keyword + " " + text);
        var own = known == null ? naming(place, keyword, () -> matching(keyword, text)) : known;
        if (known == null) {
            fixed.put(keyword + " " + text, charged(place, keyword, own));
        }
        return before == null ? own : charged(place, keyword, naming(place, keyword, () -> before.and(own)));
    }

    private Automaton matching(String keyword, String text) {
        return keyword.equals("pattern")
                ? StringAutomata.matching(text, alphabet)
                : StringAutomata.formatted(text, alphabet);
    }

    /// Counts what an automaton takes.
    ///
    /// @throws SchemaException if all of the schema take too much together
    Automaton charged(Place place, String keyword, Automaton made) {
        states += made.states() + LEAST_STATES;
        if (states > MOST_STATES) {
            throw place.fault(
                    keyword,
                    "the patterns, ranges and lists of the schema need more than " + MOST_STATES
                            + " states together; make them fewer or shorter");
        }
        return made;
    }

    /// Names the keyword at fault when an automaton cannot be made.
    private static <T> T naming(Place place, String keyword, Supplier<T> made) {
        try {
            return made.get();
        } catch (UnsupportedException | Automaton.TooLargeException | IllegalArgumentException fault) {
            throw place.fault(keyword, String.valueOf(fault.getMessage()));
        }
    }
}
