package dev.lowrank.app;

import dev.lowrank.app.bench.BenchDocument;
import dev.lowrank.app.bench.BenchDocument.BesidePeer;
import dev.lowrank.app.bench.BenchDocument.Model;
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
                Figures.decimal(document.bandwidth() / 1e9, 1) + " GB/s in all"));
        for (var peer : first.peers()) {
            figures.add(new Figure(
                    "Decode beside " + peer.peer(),
                    BenchReport.times(peer.decodeRatio()),
                    "prefill " + BenchReport.times(peer.prefillRatio())));
        }
        return figures;
    }

    private Grid results() {
        var columns = new ArrayList<>(List.of(
                Column.words("model"),
                Column.words("program"),
                Column.numbers("weights", "bytes"),
                Column.numbers("prefill", "tokens/s"),
                Column.numbers("decode", "tokens/s"),
                Column.numbers("first token", ""),
                Column.numbers("p50", "ms a token"),
                Column.numbers("p90", "ms a token"),
                Column.numbers("p99", "ms a token"),
                Column.numbers("read", "bytes a token"),
                Column.numbers("of bandwidth", ""),
                Column.numbers("resident", "bytes"),
                Column.numbers("energy", "J a token"),
                Column.numbers("prefill ratio", "see below"),
                Column.numbers("decode ratio", "see below"),
                Column.numbers("bytes ratio", "see below")));
        BenchReport.sizes(document).forEach(rows -> columns.add(Column.numbers(rows + " texts", "tokens/s in all")));
        var rows = new ArrayList<Report.Row>();
        for (var model : document.models()) {
            rows.add(row(model, columns.size()));
            model.peers().forEach(peer -> rows.add(row(model, peer, columns.size())));
        }
        var legend = new ArrayList<>(BenchReport.legend(document));
        legend.add(
                "Ratios of a model: its tokens a second ÷ those of the first model, and the bytes that a token of the"
                        + " first reads ÷ its own. Ratios of another program: tokens a second here ÷ there.");
        return new Grid(columns, rows, legend);
    }

    private static Report.Row row(Model model, int columns) {
        var first = model.toFirst();
        var cells = new ArrayList<>(List.of(
                ReportParts.textName(model.model()),
                "lowrank",
                Figures.bytes(model.fileBytes()),
                Figures.decimal(model.prefill(), 0),
                Figures.decimal(model.decode(), 1),
                Figures.milliseconds(model.firstToken()),
                BenchReport.milliseconds(model.latency().p50()),
                BenchReport.milliseconds(model.latency().p90()),
                BenchReport.milliseconds(model.latency().p99()),
                Figures.bytes(model.tokenBytes()),
                BenchReport.percent(model.bandwidthShare()),
                Figures.bytes(model.residentBytes()),
                BenchReport.joules(model.joules()),
                first == null ? "-" : BenchReport.times(first.prefill()),
                first == null ? "-" : BenchReport.times(first.decode()),
                first == null ? "-" : BenchReport.times(first.bytes())));
        model.batches().forEach(batch -> cells.add(Figures.decimal(batch.tokensPerSecond(), 1)));
        return row(cells, columns);
    }

    private static Report.Row row(Model model, BesidePeer peer, int columns) {
        var cells = new ArrayList<>(List.of(
                ReportParts.textName(model.model()),
                peer.peer(),
                BenchReport.weights(peer),
                Figures.decimal(peer.prefill(), 0),
                Figures.decimal(peer.decode(), 1)));
        cells.addAll(List.of("-", "-", "-", "-", "-", "-", "-", "-"));
        cells.addAll(List.of(BenchReport.times(peer.prefillRatio()), BenchReport.times(peer.decodeRatio())));
        return row(cells, columns);
    }

    private static Report.Row row(List<String> texts, int columns) {
        var cells = new ArrayList<Cell>();
        for (var i = 0; i < columns; i++) {
            cells.add(Cell.of(i < texts.size() ? texts.get(i) : "-"));
        }
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
