package dev.lowrank.app;

import dev.lowrank.app.report.Page;
import dev.lowrank.app.report.Report;
import dev.lowrank.app.report.Report.Figure;
import dev.lowrank.app.report.Trade;
import dev.lowrank.app.report.Trade.Configuration;
import dev.lowrank.app.report.Trade.Measure;
import dev.lowrank.explore.Measures;
import dev.lowrank.explore.QualityMeter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The page of an explored design space, made of the document that the command prints.
final class ExplorePage {
    private static final List<Measure> SIZES = List.of(
            Measure.cost(Measures.BYTES, "bytes of weights", "bytes"),
            Measure.cost(Measures.PARAMETERS, "parameters", "count"),
            Measure.cost("decode_bytes", "bytes read for a decoded token", "bytes"),
            Measure.cost(Measures.MEMORY, "bytes of weights, keys and values", "bytes"));
    private static final List<Measure> SPEEDS = List.of(
            Measure.cost(Measures.LATENCY, "seconds a decoded token, measured", "seconds"),
            Measure.cost("latency_estimated", "seconds a decoded token, estimated", "seconds"),
            Measure.cost(Measures.ENERGY, "joules a token", "joules"));

    private final ExploreDocument document;
    private final List<QualityMeter.Figure> qualities;

    private ExplorePage(ExploreDocument document, List<QualityMeter.Figure> qualities) {
        this.document = document;
        this.qualities = qualities;
    }

    /// The page.
    ///
    /// @param qualities what was measured besides sizes and speeds, the first one first
    static byte[] of(ExploreDocument document, List<QualityMeter.Figure> qualities) {
        return Page.of(new ExplorePage(document, qualities).report());
    }

    private Report report() {
        var space = document.space();
        var search = document.search();
        return Report.explored(
                String.valueOf(Path.of(document.model()).getFileName()),
                "The design space: " + space.layers().size() + " layers × "
                        + space.tensors().size() + " tensors × " + space.ranks() + " ranks, " + space.size()
                        + " choices, " + space.atOneRank() + " of them at one rank."
                        + (search == null
                                ? ""
                                : " Searched by " + search.name() + " for the front of "
                                        + String.join(" and ", search.objectives())
                                        + (search.constraints().isEmpty()
                                                ? ""
                                                : " where " + String.join(", ", search.constraints()))
                                        + "."),
                Version.lowrank(),
                document.command(),
                figures(),
                new Trade(measures(), configurations()),
                List.of(),
                document.missing(),
                null);
    }

    private List<Figure> figures() {
        var figures = new ArrayList<Figure>();
        figures.add(new Figure(
                "Configurations measured",
                String.valueOf(document.configurations().size()),
                ""));
        var search = document.search();
        if (search != null) {
            figures.add(new Figure("On the front", String.valueOf(search.members()), ""));
        }
        var uniform = document.uniform();
        if (uniform != null) {
            var won = uniform.stream()
                    .filter(ExploreDocument.UniformRow::dominated)
                    .count();
            figures.add(new Figure(
                    "Better than equal shares", won + " of " + uniform.size() + " budgets", "with no more bytes"));
        }
        return figures;
    }

    private List<Measure> measures() {
        var measures = new ArrayList<>(List.of(SIZES.getFirst()));
        for (var quality : qualities) {
            measures.add(
                    quality.larger()
                            ? Measure.gain(quality.name(), quality.name(), "")
                            : Measure.cost(quality.name(), quality.name(), ""));
        }
        measures.addAll(SIZES.subList(1, SIZES.size()));
        SPEEDS.stream()
                .filter(measure -> document.configurations().stream().anyMatch(row -> row.containsKey(measure.key())))
                .forEach(measures::add);
        return measures;
    }

    private List<Configuration> configurations() {
        var names = names();
        var measures = measures();
        var configurations = new ArrayList<Configuration>();
        for (var i = 0; i < document.configurations().size(); i++) {
            var row = document.configurations().get(i);
            var values = new LinkedHashMap<String, Double>();
            for (var measure : measures) {
                if (row.get(measure.key()) instanceof Number number) {
                    values.put(measure.key(), number.doubleValue());
                }
            }
            configurations.add(new Configuration(
                    names.getOrDefault(i, i == 0 ? "dense" : "configuration " + i),
                    values,
                    Map.of(),
                    Boolean.TRUE.equals(row.get("front")),
                    i == 0,
                    settings(row)));
        }
        return configurations;
    }

    /// What sweeps and allocators call a configuration.
    private Map<Integer, String> names() {
        var names = new LinkedHashMap<Integer, String>();
        document.sweeps()
                .forEach(sweep -> sweep.rows()
                        .forEach(row -> names.putIfAbsent(row.configuration(), sweep.kind() + " " + row.at())));
        if (document.uniform() != null) {
            document.uniform().forEach(row -> names.putIfAbsent(row.configuration(), "equal shares " + row.keep()));
        }
        return names;
    }

    private static Map<String, String> settings(Map<String, Object> row) {
        var settings = new LinkedHashMap<String, String>();
        if (row.get("layers") instanceof List<?> layers && !layers.isEmpty()) {
            settings.put("layers", layers.toString());
            settings.put("tensors", String.valueOf(row.get("tensors")));
        }
        if (row.get("rank") != null) {
            settings.put("rank", String.valueOf(row.get("rank")));
        } else if (row.get("ranks") instanceof Map<?, ?> ranks) {
            settings.put("rank", "its own at each of " + ranks.size() + " linears");
        }
        return settings;
    }
}
