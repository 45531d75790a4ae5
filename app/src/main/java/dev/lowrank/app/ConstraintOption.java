package dev.lowrank.app;

import dev.lowrank.explore.Constraint;
import dev.lowrank.explore.Constraint.Relation;
import dev.lowrank.explore.Measures;
import java.util.Collection;
import java.util.Set;
import java.util.regex.Pattern;

/// A bound as people write it: `bytes<=-9%`, `bytes<=300MB`, `latency<=2ms`, `perplexity<=+1%`,
/// `accuracy>=0.4`.
final class ConstraintOption {
    private static final Pattern BOUND = Pattern.compile("\\s*(.+?)\\s*(<=|>=)\\s*(.+?)\\s*");
    private static final Set<String> IN_BYTES = Set.of(Measures.BYTES, Measures.DECODE_BYTES, Measures.MEMORY);

    private ConstraintOption() {}

    /// Reads one.
    ///
    /// @param measures names that are known
    /// @throws CommandException with code 2 for a name that is not known, or a bound that is none
    static Constraint parse(String text, Collection<String> measures) {
        var matcher = BOUND.matcher(text);
        if (!matcher.matches()) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "--constraint " + text + " is no bound.",
                    "Write a measure, <= or >=, and a value, e.g. 'bytes<=-9%' or 'latency<=2ms'; quote it from the"
                            + " shell.");
        }
        var measure = matcher.group(1);
        UsageErrors.known(measure, "measures", measures);
        var relation = matcher.group(2).equals("<=") ? Relation.AT_MOST : Relation.AT_LEAST;
        var value = matcher.group(3);
        return UsageErrors.check(() -> {
            if (value.endsWith("%")) {
                return new Constraint(measure, relation, change(text, value), true, text);
            }
            return new Constraint(measure, relation, amount(measure, text, value), false, text);
        });
    }

    /// A change with a sign, or a share of the dense model's value without one.
    private static double change(String text, String value) {
        var share = number(text, value.substring(0, value.length() - 1)) / 100;
        return value.startsWith("+") || value.startsWith("-") ? share : share - 1;
    }

    private static double amount(String measure, String text, String value) {
        if (IN_BYTES.contains(measure)) {
            return ByteSize.parse("--constraint " + text + ": the bound", value);
        }
        if (measure.equals(Measures.LATENCY) && value.endsWith("ms")) {
            return number(text, value.substring(0, value.length() - 2)) / 1000;
        }
        if (measure.equals(Measures.LATENCY) && value.endsWith("s")) {
            return number(text, value.substring(0, value.length() - 1));
        }
        return number(text, value);
    }

    private static double number(String text, String value) {
        try {
            var number = Double.parseDouble(value.strip());
            if (Double.isFinite(number)) {
                return number;
            }
        } catch (NumberFormatException none) {
            throw new IllegalArgumentException("--constraint " + text + ": " + value + " is no number", none);
        }
        throw new IllegalArgumentException("--constraint " + text + ": " + value + " is not finite");
    }
}
