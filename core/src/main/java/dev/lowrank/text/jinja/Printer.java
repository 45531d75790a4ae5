package dev.lowrank.text.jinja;

import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// Values as text: as Python prints them, as Python quotes them inside lists, and as JSON.
final class Printer {
    private final Budget budget;
    private final StringBuilder out = new StringBuilder();

    private Printer(Budget budget) {
        this.budget = budget;
    }

    static String text(Value value, Budget budget) {
        return switch (value) {
            case Value.Text text -> text.value();
            case Value.Undefined _ -> "";
            default -> {
                var printer = new Printer(budget);
                printer.quoted(value);
                yield printer.done();
            }
        };
    }

    /// @param indent spaces per level, -1 for one line
    static String json(Value value, int indent, boolean sorted, Budget budget) {
        var printer = new Printer(budget);
        printer.json(value, indent, sorted, 0);
        return printer.done();
    }

    private String done() {
        budget.allocate(out.length());
        return out.toString();
    }

    private void pay() {
        budget.step();
        budget.output(out.length());
    }

    private void quoted(Value value) {
        pay();
        switch (value) {
            case Value.Text text -> quote(text.value());
            case Value.Int number -> out.append(number.value());
            case Value.Real number -> out.append(real(number.value()));
            case Value.Bool bool -> out.append(bool == Value.Bool.TRUE ? "True" : "False");
            case Value.None _ -> out.append("None");
            case Value.Undefined _ -> out.append("Undefined");
            case Value.Sequence list -> {
                out.append(list.tuple() ? "(" : "[");
                list(list.items());
                out.append(list.tuple() && list.items().size() == 1 ? "," : "").append(list.tuple() ? ")" : "]");
            }
            case Value.Mapping map -> entries(map.entries());
            case Value.Namespace namespace -> {
                out.append("<Namespace ");
                entries(namespace.entries());
                out.append(">");
            }
            case Value.Callable callable ->
                out.append("<function ").append(callable.name()).append(">");
        }
    }

    private void list(List<Value> items) {
        for (var i = 0; i < items.size(); i++) {
            out.append(i == 0 ? "" : ", ");
            quoted(items.get(i));
        }
    }

    private void entries(Map<String, Value> entries) {
        out.append('{');
        var first = true;
        for (var entry : entries.entrySet()) {
            out.append(first ? "" : ", ");
            first = false;
            quote(entry.getKey());
            out.append(": ");
            quoted(entry.getValue());
        }
        out.append('}');
    }

    private void quote(String text) {
        var quote = text.contains("'") && !text.contains("\"") ? '"' : '\'';
        out.append(quote);
        for (var i = 0; i < text.length(); i++) {
            var c = text.charAt(i);
            switch (c) {
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                    if (c == quote) {
                        out.append('\\').append(c);
                    } else if (c < 0x20 || c == 0x7f) {
                        out.append(String.format("\\x%02x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append(quote);
    }

    /// The shortest decimal that reads back, written as Python does: plain from 1e-4 to 1e16, with an
    /// exponent outside.
    static String real(double value) {
        if (Double.isNaN(value) || Double.isInfinite(value)) {
            return Double.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }
        var size = Math.abs(value);
        if (size != 0 && (size < 1e-4 || size >= 1e16)) {
            var text = Double.toString(value);
            var split = text.indexOf('E');
            var mantissa = text.substring(0, split).replaceAll("\\.0$", "");
            var exponent = Integer.parseInt(text.substring(split + 1));
            return mantissa + "e" + (exponent < 0 ? "-" : "+") + (Math.abs(exponent) < 10 ? "0" : "")
                    + Math.abs(exponent);
        }
        var plain = new BigDecimal(Double.toString(value)).toPlainString();
        return plain.contains(".") ? plain : plain + ".0";
    }

    private void json(Value value, int indent, boolean sorted, int level) {
        pay();
        switch (value) {
            case Value.Text text -> jsonString(text.value());
            case Value.Int number -> out.append(number.value());
            case Value.Real number -> out.append(real(number.value()));
            case Value.Bool bool -> out.append(bool == Value.Bool.TRUE);
            case Value.None _ -> out.append("null");
            case Value.Sequence list -> {
                out.append('[');
                for (var i = 0; i < list.items().size(); i++) {
                    separate(i == 0, indent, level + 1);
                    json(list.items().get(i), indent, sorted, level + 1);
                }
                close(list.items().isEmpty(), indent, level);
                out.append(']');
            }
            case Value.Mapping map -> {
                out.append('{');
                var first = true;
                for (var entry : (sorted ? new TreeMap<>(map.entries()) : map.entries()).entrySet()) {
                    separate(first, indent, level + 1);
                    first = false;
                    jsonString(entry.getKey());
                    out.append(": ");
                    json(entry.getValue(), indent, sorted, level + 1);
                }
                close(map.entries().isEmpty(), indent, level);
                out.append('}');
            }
            case Value.Undefined _, Value.Namespace _, Value.Callable _ ->
                throw Values.wrong("tojson", "a value of JSON", value);
        }
    }

    private void separate(boolean first, int indent, int level) {
        if (indent < 0) {
            out.append(first ? "" : ", ");
        } else {
            out.append(first ? "\n" : ",\n").repeat(' ', indent * level);
        }
    }

    private void close(boolean empty, int indent, int level) {
        if (indent >= 0 && !empty) {
            out.append('\n').repeat(' ', indent * level);
        }
    }

    private void jsonString(String text) {
        out.append('"');
        for (var i = 0; i < text.length(); i++) {
            var c = text.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\b' -> out.append("\\b");
                case '\f' -> out.append("\\f");
                default -> {
                    if (c < 0x20) {
                        out.append(String.format("\\u%04x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }
}
