package dev.lowrank.generate.schema;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The numbers of an interval as texts: at most 20 digits before and after the point, and an exponent of
/// two digits where there are no bounds.
final class NumberRanges {
    private static final String NATURAL = "(?:0|[1-9][0-9]{0,19})";
    private static final String FRACTION = "(?:\\.[0-9]{1,20})?";
    private static final String INTEGER = "-?" + NATURAL;
    private static final String DECIMAL = INTEGER + FRACTION;
    private static final String NUMBER = DECIMAL + "(?:[eE][-+]?[0-9]{1,2})?";
    private static final String ANY_FRACTION = "(?:\\.[0-9]+)?";
    private static final int MOST_DIGITS = 20;

    private NumberRanges() {}

    /// One end of an interval.
    ///
    /// @param strict whether the value itself is outside
    record Bound(BigDecimal value, boolean strict) {
        /// @throws IllegalArgumentException if it has too many digits
        Bound {
            value = value.signum() == 0 ? BigDecimal.ZERO : value.stripTrailingZeros();
            if (value.scale() > MOST_DIGITS || value.precision() - value.scale() > MOST_DIGITS) {
                throw new IllegalArgumentException(
                        "a bound of more than " + MOST_DIGITS + " digits before or after the point");
            }
        }

        private Bound magnitude() {
            return new Bound(value.abs(), strict);
        }
    }

    /// @param integer whether only whole numbers are wanted
    /// @param least null for none
    /// @param most null for none
    static Automaton automaton(boolean integer, @Nullable Bound least, @Nullable Bound most, ByteSet alphabet) {
        var bounded = least != null || most != null;
        var all = plain(integer ? INTEGER : bounded ? DECIMAL : NUMBER, alphabet);
        if (least != null) {
            all = all.and(plain(atLeast(least), alphabet));
        }
        return most == null ? all : all.and(plain(atMost(most), alphabet));
    }

    /// Numbers with at most so many digits after the point, and no exponent.
    static Automaton places(int most, ByteSet alphabet) {
        return plain("-?[0-9]{1,15}(?:\\.[0-9]{1," + most + "})?", alphabet);
    }

    /// Whole numbers that a whole number divides, of at most 15 digits: a reader that takes numbers for F64
    /// sees beyond that other ones.
    static Automaton multiples(int divisor, ByteSet alphabet) {
        return plain("-?[0-9]{1,15}", alphabet).and(remainders(divisor, alphabet));
    }

    private static Automaton remainders(int divisor, ByteSet alphabet) {
        var rows = new ArrayList<int[]>();
        for (var remainder = 0; remainder < divisor; remainder++) {
            var row = Automaton.deadRow();
            for (var digit = 0; digit < 10; digit++) {
                if (alphabet.contains('0' + digit)) {
                    row['0' + digit] = (remainder * 10 + digit) % divisor;
                }
            }
            rows.add(row);
        }
        var first = rows.getFirst().clone();
        first['-'] = alphabet.contains('-') ? 0 : Automaton.DEAD;
        rows.add(first);
        var accepting = new BitSet();
        accepting.set(0);
        return Automaton.trimmed(divisor, rows, accepting);
    }

    private static Automaton plain(String pattern, ByteSet alphabet) {
        return Regex.automaton(RegexParser.parse(pattern), false, Spelling.PLAIN, alphabet);
    }

    private static String atLeast(Bound bound) {
        return bound.value().signum() > 0 || (bound.value().signum() == 0 && bound.strict())
                ? large(bound)
                : NATURAL + ANY_FRACTION + "|-(?:" + small(bound.magnitude()) + ")";
    }

    private static String atMost(Bound bound) {
        return bound.value().signum() < 0 || (bound.value().signum() == 0 && bound.strict())
                ? "-(?:" + large(bound.magnitude()) + ")"
                : "-" + NATURAL + ANY_FRACTION + "|" + small(bound);
    }

    /// Texts without a sign of at most a bound's value, which is not negative.
    private static String small(Bound bound) {
        var whole = whole(bound);
        var choices = new ArrayList<String>();
        if (whole.length() > 1) {
            choices.add("(?:0|[1-9][0-9]{0," + (whole.length() - 2) + "})" + ANY_FRACTION);
        }
        for (var i = 0; i < whole.length(); i++) {
            var lowest = i == 0 && whole.length() > 1 ? '1' : '0';
            differing(whole, i, lowest, whole.charAt(i) - 1, choices);
        }
        var fraction = fraction(bound);
        if (!fraction.isEmpty()) {
            choices.add(whole);
        }
        var prefix = whole + "\\.";
        for (var i = 0; i < fraction.length(); i++) {
            var before = prefix + fraction.substring(0, i);
            if (i > 0) {
                choices.add(before);
            }
            if (fraction.charAt(i) > '0') {
                choices.add(before + "[0-" + (char) (fraction.charAt(i) - 1) + "][0-9]*");
            }
        }
        if (!bound.strict()) {
            choices.add(fraction.isEmpty() ? whole + "(?:\\.0+)?" : prefix + fraction + "0*");
        }
        return choices.isEmpty() ? "[]" : String.join("|", choices);
    }

    /// Texts without a sign of at least a bound's value, which is not negative.
    private static String large(Bound bound) {
        var whole = whole(bound);
        var choices = new ArrayList<String>();
        choices.add("[1-9][0-9]{" + whole.length() + ",20}" + ANY_FRACTION);
        for (var i = 0; i < whole.length(); i++) {
            differing(whole, i, whole.charAt(i) + 1, '9', choices);
        }
        var fraction = fraction(bound);
        var prefix = whole + "\\.";
        for (var i = 0; i < fraction.length(); i++) {
            if (fraction.charAt(i) < '9') {
                choices.add(prefix + fraction.substring(0, i) + "[" + (char) (fraction.charAt(i) + 1) + "-9][0-9]*");
            }
        }
        choices.add(prefix + fraction + "[0-9]*[1-9][0-9]*");
        if (!bound.strict()) {
            choices.add(fraction.isEmpty() ? whole + "(?:\\.0+)?" : prefix + fraction + "0*");
        }
        return String.join("|", choices);
    }

    /// Texts as long as a whole number that differ from it first at digit `i`, where theirs is in a range.
    private static void differing(String whole, int i, int low, int high, List<String> choices) {
        if (low <= high) {
            choices.add(whole.substring(0, i) + "[" + (char) low + "-" + (char) high + "][0-9]{"
                    + (whole.length() - i - 1) + "}" + ANY_FRACTION);
        }
    }

    private static String whole(Bound bound) {
        return bound.value().toBigInteger().toString();
    }

    private static String fraction(Bound bound) {
        var text = bound.value().toPlainString();
        var point = text.indexOf('.');
        return point < 0 ? "" : text.substring(point + 1);
    }
}
