package dev.lowrank.app;

import java.util.ArrayList;
import java.util.List;

/// A table of text with aligned columns: numbers to the right, words to the left.
final class Table {
    private static final String GAP = "  ";

    private final List<String> header;
    private final List<List<String>> rows = new ArrayList<>();

    private Table(List<String> header) {
        this.header = header;
    }

    /// @param header column titles
    static Table of(String... header) {
        return new Table(List.of(header));
    }

    /// Adds a row.
    ///
    /// @param cells as many as there are columns; an empty string leaves a cell blank
    Table row(String... cells) {
        if (cells.length != header.size()) {
            throw new IllegalArgumentException(
                    "A row has " + cells.length + " cells, the table " + header.size() + " columns.");
        }
        rows.add(List.of(cells));
        return this;
    }

    /// The lines, the last one ended too.
    String render() {
        var widths = new int[header.size()];
        var right = new boolean[header.size()];
        for (var column = 0; column < widths.length; column++) {
            widths[column] = width(column);
            right[column] = numeric(column);
        }
        var text = new StringBuilder();
        line(text, header, widths, right);
        line(text, rules(widths), widths, right);
        for (var row : rows) {
            line(text, row, widths, right);
        }
        return text.toString();
    }

    private int width(int column) {
        var widest = length(header.get(column));
        for (var row : rows) {
            widest = Math.max(widest, length(row.get(column)));
        }
        return widest;
    }

    private boolean numeric(int column) {
        return rows.stream().map(row -> row.get(column)).anyMatch(Table::isNumber)
                && rows.stream().map(row -> row.get(column)).allMatch(cell -> isNumber(cell) || isBlank(cell));
    }

    private static boolean isBlank(String cell) {
        return cell.isEmpty() || cell.equals("-");
    }

    private static boolean isNumber(String cell) {
        return !cell.isEmpty() && Character.isDigit(cell.charAt(cell.startsWith("-") && cell.length() > 1 ? 1 : 0));
    }

    private static List<String> rules(int[] widths) {
        var rules = new ArrayList<String>();
        for (var width : widths) {
            rules.add("-".repeat(width));
        }
        return rules;
    }

    private static void line(StringBuilder text, List<String> cells, int[] widths, boolean[] right) {
        var line = new StringBuilder();
        for (var column = 0; column < widths.length; column++) {
            var cell = cells.get(column);
            var padding = " ".repeat(widths[column] - length(cell));
            line.append(column == 0 ? "" : GAP).append(right[column] ? padding + cell : cell + padding);
        }
        text.append(line.toString().stripTrailing()).append('\n');
    }

    private static int length(String cell) {
        return cell.codePointCount(0, cell.length());
    }
}
