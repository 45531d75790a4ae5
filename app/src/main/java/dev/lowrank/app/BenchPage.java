package dev.lowrank.app;

import dev.lowrank.app.bench.BenchDocument;
import dev.lowrank.app.bench.BenchDocument.BesidePeer;
import dev.lowrank.app.bench.BenchDocument.Model;
import dev.lowrank.app.bench.BenchDocument.ToFirst;
import dev.lowrank.app.report.Page;
import dev.lowrank.app.report.Report;
import dev.lowrank.app.report.Report.Cell;
import dev.lowrank.app.report.Report.Column;
import dev.lowrank.app.report.Report.Figure;
import dev.lowrank.app.report.Report.Grid;
import dev.lowrank.app.report.Trade;
import dev.lowrank.app.report.Trade.Configuration;
import dev.lowrank.app.report.Trade.Measure;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/// The page of measured speeds.
final class BenchPage {
    private static final List<Measure> MEASURES = List.of(
            Measure.cost("weights", "bytes of weights", "bytes"),
            Measure.gain("decode", "decode, tokens/s", ""),
            Measure.gain("prefill", "prefill, tokens/s", ""),
            Measure.cost("read", "bytes read for a decoded token", "bytes"),
            Measure.cost("first", "time to first token", "seconds"),
            Measure.cost("p99", "time that 99 in 100 tokens do not exceed", "seconds"),
            Measure.cost("resident", "resident bytes", "bytes"));

    private final BenchDocument document;

    private BenchPage(BenchDocument document) {
        this.document = document;
    }

    /// The page.
    ///
    /// @param command as it was given
    static byte[] of(BenchDocument document, String command) {
        return Page.of(new BenchPage(document).report(command));
    }

    private Report report(String command) {
        var count = document.models().size();
        var peers = document.turns() > 1 ? ", each beside other programs in turns" : "";
        return new Report(
                "bench",
                ReportParts.textName(document.models().getFirst().model())
                        + (count == 1 ? "" : " and " + (count - 1) + " more"),
                "How fast " + (count == 1 ? "it runs" : "they run") + peers + ". " + document.machine() + ".",
                Version.lowrank(),
                command,
                figures(),
                results(),
                trade(),
                null,
                List.of(),
                List.of(),
                null,
                List.of(),
                document.notes(),
                null);
    }

    private List<Figure> figures() {
        var figures = new ArrayList<Figure>();
        var first = document.models().getFirst();
        figures.add(new Figure(
                "Decode",
                Figures.decimal(first.decode(), 1) + " tokens/s",
                Figures.bytes(first.tokenBytes()) + " a token"));
        figures.add(new Figure(
                "Prefill",
                Figures.decimal(first.prefill(), 0) + " tokens/s",
                "first token after " + Figures.milliseconds(first.firstToken())));
        figures.add(new Figure(
                "Of the memory's bandwidth",
                BenchReport.percent(first.bandwidthShare()),
                Figures.decimal(first.bandwidth() / 1e9, 1) + " GB/s with nothing computed"));
        for (var peer : first.peers()) {
            figures.add(new Figure(
                    "Decode beside " + peer.peer(),
                    BenchReport.times(peer.decodeRatio()),
                    "prefill " + BenchReport.times(peer.prefillRatio())));
        }
        return figures;
    }

    /// A column for each model: there are more figures than a sheet of paper has room for side by side.
    private Grid results() {
        var columns = new ArrayList<>(List.of(Column.words("")));
        document.models()
                .forEach(model -> columns.add(Column.numbers(ReportParts.textName(model.model()), model.type())));
        var legend = new ArrayList<>(BenchReport.legend(document));
        if (document.models().size() > 1) {
            legend.add("Beside the first: tokens a second ÷ those of the first model, and the bytes that a token of the"
                    + " first reads ÷ its own, which is what decoding can gain.");
        }
        var rows = new ArrayList<>(own());
        rows.addAll(besidePeers());
        return new Grid(columns, rows, legend);
    }

    private List<Report.Row> own() {
        var rows = new ArrayList<>(List.of(
                row("prefill, tokens/s", model -> Figures.decimal(model.prefill(), 0)),
                row("decode, tokens/s", model -> Figures.decimal(model.decode(), 1)),
                row("time to first token", model -> Figures.milliseconds(model.firstToken())),
                row(
                        "p50, ms a token",
                        model -> BenchReport.milliseconds(model.latency().p50())),
                row(
                        "p90, ms a token",
                        model -> BenchReport.milliseconds(model.latency().p90())),
                row(
                        "p99, ms a token",
                        model -> BenchReport.milliseconds(model.latency().p99())),
                row("bytes/token", model -> Figures.bytes(model.tokenBytes())),
                row("reads, GB/s", model -> Figures.decimal(model.bandwidth() / 1e9, 1)),
                row("of them", model -> BenchReport.percent(model.bandwidthShare())),
                row("weight files", model -> Figures.bytes(model.fileBytes())),
                row("resident", model -> Figures.bytes(model.residentBytes())),
                row("J/token", model -> BenchReport.joules(model.joules()))));
        for (var i = 0; i < BenchReport.sizes(document).size(); i++) {
            var at = i;
            rows.add(row(
                    "tokens/s of " + texts(BenchReport.sizes(document).get(i)),
                    model -> Figures.decimal(model.batches().get(at).tokensPerSecond(), 1)));
        }
        if (document.models().size() > 1) {
            rows.add(row("prefill beside the first", model -> toFirst(model, ToFirst::prefill)));
            rows.add(row("decode beside the first", model -> toFirst(model, ToFirst::decode)));
            rows.add(row("bytes beside the first", model -> toFirst(model, ToFirst::bytes)));
        }
        return rows;
    }

    private static String texts(int rows) {
        return rows == 1 ? "1 text" : rows + " texts side by side";
    }

    private static String toFirst(Model model, ToDoubleFunction<ToFirst> ratio) {
        var first = model.toFirst();
        return first == null ? "-" : BenchReport.times(ratio.applyAsDouble(first));
    }

    private List<Report.Row> besidePeers() {
        var names = document.models().stream()
                .flatMap(model -> model.peers().stream())
                .map(BesidePeer::peer)
                .distinct()
                .toList();
        var rows = new ArrayList<Report.Row>();
        for (var name : names) {
            rows.add(row(name + ", its weights", model -> of(model, name, BenchReport::weights)));
            rows.add(row(
                    name + ", prefill, tokens/s",
                    model -> of(model, name, peer -> Figures.decimal(peer.prefill(), 0))));
            rows.add(row(
                    name + ", decode, tokens/s", model -> of(model, name, peer -> Figures.decimal(peer.decode(), 1))));
            rows.add(row(
                    "here ÷ " + name + ", prefill",
                    model -> of(model, name, peer -> BenchReport.times(peer.prefillRatio()))));
            rows.add(row(
                    "here ÷ " + name + ", decode",
                    model -> of(model, name, peer -> BenchReport.times(peer.decodeRatio()))));
        }
        return rows;
    }

    private static String of(Model model, String peer, Function<BesidePeer, String> figure) {
        return model.peers().stream()
                .filter(found -> found.peer().equals(peer))
                .map(figure)
                .findFirst()
                .orElse("-");
    }

    private Report.Row row(String name, Function<Model, String> figure) {
        var cells = new ArrayList<>(List.of(Cell.of(name)));
        document.models().forEach(model -> cells.add(Cell.of(figure.apply(model))));
        return new Report.Row(cells, "");
    }

    private Trade trade() {
        var measures = new ArrayList<>(MEASURES);
        BenchReport.sizes(document)
                .forEach(rows ->
                        measures.add(Measure.gain(batchKey(rows), "tokens/s of " + rows + " texts together", "")));
        if (document.models().stream().anyMatch(model -> model.joules() != null)) {
            measures.add(Measure.cost("joules", "energy of a token", "joules"));
        }
        var points = new ArrayList<Configuration>();
        for (var model : document.models()) {
            points.add(point(ReportParts.textName(model.model()), values(model), model.toFirst() == null));
            for (var peer : model.peers()) {
                var values = new LinkedHashMap<>(Map.of("prefill", peer.prefill(), "decode", peer.decode()));
                if (peer.bytes() != null) {
                    values.put("weights", peer.bytes().doubleValue());
                }
                points.add(point(ReportParts.textName(model.model()) + ", " + peer.peer(), values, false));
            }
        }
        return new Trade(measures, points);
    }

    private static String batchKey(int rows) {
        return "batch " + rows;
    }

    private static Map<String, Double> values(Model model) {
        var values = new LinkedHashMap<String, Double>();
        values.put("weights", (double) model.fileBytes());
        values.put("decode", model.decode());
        values.put("prefill", model.prefill());
        values.put("read", (double) model.tokenBytes());
        values.put("first", model.firstToken());
        values.put("p99", model.latency().p99());
        values.put("resident", (double) model.residentBytes());
        model.batches().forEach(batch -> values.put(batchKey(batch.rows()), batch.tokensPerSecond()));
        if (model.joules() != null) {
            values.put("joules", model.joules());
        }
        return values;
    }

    private static Configuration point(String name, Map<String, Double> values, boolean reference) {
        return new Configuration(name, values, Map.of(), false, reference, null);
    }
}
