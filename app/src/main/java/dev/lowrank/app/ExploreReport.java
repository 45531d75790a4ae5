package dev.lowrank.app;

import dev.lowrank.explore.Configuration;
import dev.lowrank.explore.DesignSpace;
import dev.lowrank.explore.Evaluated;
import dev.lowrank.explore.Measures;
import dev.lowrank.explore.Sweep;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// An exploration as tables for people and as CSV.
final class ExploreReport {
    private ExploreReport() {}

    /// The size of a design space.
    static String space(DesignSpace space) {
        var tensors = space.tensors().stream().map(role -> role.id()).collect(Collectors.joining(", "));
        return "Design space: sets of " + space.layers().size() + " layers × sets of "
                + space.tensors().size() + " tensors (" + tensors + ") × ranks 1 to " + space.mostRank() + ": "
                + Figures.grouped(space.size()) + " choices.\nAt one rank 2^" + space.exponent() + " = "
                + Figures.grouped(space.atOneRank()) + " choices, O(2^" + space.exponent() + "), which are "
                + Figures.grouped(space.modelsAtOneRank()) + " different models.\n";
    }

    /// All tables.
    static String text(Exploration found) {
        var text = new StringBuilder(space(found.space()));
        for (var swept : found.sweeps()) {
            text.append("\nSweep over ")
                    .append(swept.sweep().kind().id())
                    .append(words(swept))
                    .append(":\n\n")
                    .append(table(found, swept));
        }
        var searched = found.searched();
        if (searched != null) {
            text.append(search(found, searched));
        }
        return text.toString();
    }

    private static String words(Exploration.Swept swept) {
        return switch (swept.sweep()) {
            case Sweep.Rank any -> ", all layers and tensors cut";
            case Sweep.Layer layer -> ", one cut to rank " + layer.rank();
            case Sweep.Distance distance -> ", " + distance.count() + " layers cut to rank " + distance.rank();
            case Sweep.Tensor tensor -> ", one cut to rank " + tensor.rank() + " in all layers";
        };
    }

    private static String table(Exploration found, Exploration.Swept swept) {
        var timed = swept.rows().stream().anyMatch(row -> row.found().measures().speed() != null);
        var columns = new Columns(found, timed);
        var table = Table.of(columns.header(swept.sweep().kind().id()));
        table.row(columns.cells("dense", found.dense()));
        swept.rows()
                .forEach(row -> table.row(columns.cells(row.at(), row.found().measures())));
        return table.render();
    }

    /// The columns of measures.
    private record Columns(Exploration found, boolean timed) {
        String[] header(String first) {
            var cells = new ArrayList<>(List.of(first, "bytes", "change"));
            cells.addAll(found.dense().quality().keySet());
            cells.add("memory");
            if (timed) {
                cells.addAll(List.of("ms/token", "decode t/s", "J/token"));
            }
            return cells.toArray(String[]::new);
        }

        String[] cells(String first, Measures measures) {
            var cells = new ArrayList<>(List.of(
                    first,
                    Figures.bytes(measures.size().bytes()),
                    Figures.decimal(
                                    100.0
                                            * ((double) measures.size().bytes()
                                                            / found.dense()
                                                                    .size()
                                                                    .bytes()
                                                    - 1),
                                    1)
                            + "%"));
            found.dense().quality().keySet().forEach(name -> cells.add(Figures.perplexity(measures.require(name))));
            cells.add(Figures.bytes(measures.size().memoryBytes()));
            var speed = measures.speed();
            if (timed) {
                cells.add(speed == null ? "-" : Figures.decimal(1000 * speed.latency(), 3));
                cells.add(speed == null ? "-" : Figures.decimal(speed.decode(), 0));
                cells.add(speed == null || speed.joules() == null ? "-" : Figures.decimal(speed.joules(), 3));
            }
            return cells.toArray(String[]::new);
        }
    }

    private static String search(Exploration found, Exploration.Searched searched) {
        var head = "\nSearch " + searched.search().id() + ": " + searched.all().size()
                + " configurations measured, " + searched.front().members().size() + " on the front"
                + (searched.constraints().isEmpty()
                        ? ""
                        : " within "
                                + searched.constraints().stream()
                                        .map(constraint -> constraint.text())
                                        .collect(Collectors.joining(", ")))
                + ".\n\n";
        return head + front(found, searched) + "\n" + uniform(searched);
    }

    /// The members of the front as they would be written.
    static String front(Exploration found, Exploration.Searched searched) {
        var timed = searched.members().stream()
                .anyMatch(member -> member.found().measures().speed() != null);
        var columns = new Columns(found, timed);
        var checks = checks(found, searched);
        var table = Table.of(with(columns.header("front"), checks.toArray(String[]::new)));
        var place = 0;
        for (var member : searched.members()) {
            var stored = member.found().measures().withQuality(member.stored());
            table.row(with(
                    columns.cells(Integer.toString(place++), stored),
                    checks.stream()
                            .map(name -> Figures.perplexity(stored.require(name)))
                            .toArray(String[]::new)));
        }
        return table.render();
    }

    private static String uniform(Exploration.Searched searched) {
        if (searched.uniform().isEmpty()) {
            return "";
        }
        var quality = searched.objectives().getFirst().measure();
        var table = Table.of("equal shares", "bytes", quality, "front's best", "its bytes");
        var better = 0;
        for (var row : searched.uniform()) {
            var mine = row.member().found().measures();
            var best = searched.against(row);
            if (best != null && beats(searched, best, row)) {
                better++;
            }
            table.row(
                    Figures.decimal(row.keep(), 2),
                    Figures.bytes(mine.size().bytes()),
                    Figures.perplexity(mine.require(quality)),
                    best == null ? "-" : Figures.perplexity(best.measures().require(quality)),
                    best == null ? "-" : Figures.bytes(best.measures().size().bytes()));
        }
        return "The front beats equal shares with no more bytes at " + better + " of "
                + searched.uniform().size() + " budgets:\n\n" + table.render();
    }

    private static boolean beats(Exploration.Searched searched, Evaluated best, Exploration.Baseline row) {
        var first = searched.objectives().getFirst();
        return first.cost(best.measures()) < first.cost(row.member().found().measures());
    }

    private static List<String> checks(Exploration found, Exploration.Searched searched) {
        var names = new TreeSet<String>();
        searched.members().forEach(member -> names.addAll(member.stored().keySet()));
        names.removeAll(found.dense().quality().keySet());
        return List.copyOf(names);
    }

    private static String[] with(String[] cells, String... more) {
        return Stream.concat(Stream.of(cells), Stream.of(more)).toArray(String[]::new);
    }

    /// Everything that was measured, one line a configuration, ranks left out.
    static String csv(Exploration found) {
        var rows = new ArrayList<Map<String, Object>>();
        var searched = found.searched();
        found.configurations().forEach((configuration, measures) -> {
            var row = new LinkedHashMap<>(
                    ExploreDocument.row(found.space(), configuration, measures, onFront(searched, configuration)));
            row.remove("ranks");
            row.replaceAll((key, value) -> value instanceof List<?> list
                    ? list.stream().map(String::valueOf).collect(Collectors.joining(" "))
                    : value);
            rows.add(row);
        });
        var header =
                rows.stream().flatMap(row -> row.keySet().stream()).distinct().toList();
        return Csv.of(
                header,
                rows.stream()
                        .map(row -> header.stream()
                                .map(name -> String.valueOf(row.getOrDefault(name, "")))
                                .toList())
                        .toList());
    }

    private static boolean onFront(Exploration.@Nullable Searched searched, Configuration configuration) {
        return searched != null
                && searched.front().members().stream()
                        .anyMatch(each -> each.configuration().equals(configuration));
    }
}
