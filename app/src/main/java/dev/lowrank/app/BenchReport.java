package dev.lowrank.app;

import dev.lowrank.app.bench.BenchDocument;
import dev.lowrank.app.bench.BenchDocument.Batch;
import dev.lowrank.app.bench.BenchDocument.BesidePeer;
import dev.lowrank.app.bench.BenchDocument.Model;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Measured speeds as tables for people and as CSV.
final class BenchReport {
    private BenchReport() {}

    /// All of it as text.
    static String text(BenchDocument document) {
        var text = new StringBuilder(document.machine())
                .append("\n\n")
                .append(models(document))
                .append(batches(document))
                .append(toFirst(document))
                .append(peers(document))
                .append('\n');
        legend(document).forEach(line -> text.append(line).append('\n'));
        document.notes().forEach(note -> text.append(note).append('\n'));
        return text.append("Took ")
                .append(Figures.seconds(document.seconds()))
                .append(".\n")
                .toString();
    }

    private static String models(BenchDocument document) {
        var table = Table.of(
                "model",
                "prefill t/s",
                "decode t/s",
                "first token",
                "p50 ms",
                "p90 ms",
                "p99 ms",
                "bytes/token",
                "reads GB/s",
                "of them",
                "weight files",
                "resident",
                "J/token");
        for (var model : document.models()) {
            table.row(
                    model.model(),
                    Figures.decimal(model.prefill(), 0),
                    Figures.decimal(model.decode(), 1),
                    Figures.milliseconds(model.firstToken()),
                    milliseconds(model.latency().p50()),
                    milliseconds(model.latency().p90()),
                    milliseconds(model.latency().p99()),
                    Figures.bytes(model.tokenBytes()),
                    Figures.decimal(model.bandwidth() / 1e9, 1),
                    percent(model.bandwidthShare()),
                    Figures.bytes(model.fileBytes()),
                    Figures.bytes(model.residentBytes()),
                    joules(model.joules()));
        }
        return table.render();
    }

    private static String batches(BenchDocument document) {
        var sizes = sizes(document);
        if (sizes.isEmpty()) {
            return "";
        }
        var table = Table.of(Stream.concat(
                        Stream.of("tokens/s of all texts side by side"),
                        sizes.stream().map(rows -> rows + (rows == 1 ? " text" : " texts")))
                .toArray(String[]::new));
        for (var model : document.models()) {
            table.row(Stream.concat(
                            Stream.of(model.model()),
                            model.batches().stream().map(batch -> Figures.decimal(batch.tokensPerSecond(), 1)))
                    .toArray(String[]::new));
        }
        return "\n" + table.render();
    }

    /// Batch sizes, the same for all models.
    static List<Integer> sizes(BenchDocument document) {
        return document.models().getFirst().batches().stream().map(Batch::rows).toList();
    }

    private static String toFirst(BenchDocument document) {
        var table = Table.of("beside " + document.models().getFirst().model(), "prefill", "decode", "bytes", "of them");
        var any = false;
        for (var model : document.models()) {
            var ratio = model.toFirst();
            if (ratio != null) {
                any = true;
                table.row(
                        model.model(),
                        times(ratio.prefill()),
                        times(ratio.decode()),
                        times(ratio.bytes()),
                        percent(ratio.ofPossible()));
            }
        }
        return any
                ? "\n" + table.render()
                        + "bytes: those that a token of the first reads ÷ its own, which is what decoding"
                        + " can gain; of them: what it does gain.\n"
                : "";
    }

    private static String peers(BenchDocument document) {
        var table = Table.of("model", "peer", "weights", "prefill t/s", "decode t/s", "prefill here ÷ there", "decode");
        var any = false;
        for (var model : document.models()) {
            for (var peer : model.peers()) {
                any = true;
                table.row(
                        model.model(),
                        peer.peer(),
                        weights(peer),
                        Figures.decimal(peer.prefill(), 0),
                        Figures.decimal(peer.decode(), 1),
                        Figures.decimal(peer.prefillRatio(), 2),
                        Figures.decimal(peer.decodeRatio(), 2));
            }
        }
        return any ? "\n" + table.render() : "";
    }

    /// What the figures mean.
    static List<String> legend(BenchDocument document) {
        var legend = new ArrayList<String>();
        legend.add("A prompt of " + document.promptTokens() + " tokens, " + document.decodeTokens()
                + " decoded after it, " + document.threads() + (document.threads() == 1 ? " thread" : " threads")
                + "; the best of " + document.rounds() + (document.rounds() == 1 ? " round" : " rounds")
                + (document.turns() == 1
                        ? "."
                        : " in each of " + document.turns() + " turns, this program and its peers by turns."));
        legend.add(
                "bytes/token: weights, and keys and values at the mean position. p50, p90, p99: what half, nine in ten"
                        + " and 99 in a hundred tokens take at most.");
        legend.add("reads: what the same threads read of the same weights a second with nothing computed, right before"
                + " and after the best round (more than memory gives where a model fits into the caches); of them: what decoding"
                + " reads of that.");
        legend.add(
                "resident: this process while it decoded, with both engines' copies of the weights and mapped files.");
        legend.add("Energy: " + document.energy() + ".");
        return legend;
    }

    /// One line for each model and each peer beside it.
    static String csv(BenchDocument document) {
        var header = new ArrayList<>(List.of(
                "model",
                "program",
                "weight_bytes",
                "prompt_tokens",
                "decode_tokens",
                "prefill_tokens_per_second",
                "decode_tokens_per_second",
                "time_to_first_token_seconds",
                "p50_seconds",
                "p90_seconds",
                "p99_seconds",
                "bytes_per_token",
                "read_bandwidth_bytes_per_second",
                "bandwidth_share",
                "resident_bytes",
                "joules_per_token",
                "prefill_to_first",
                "decode_to_first",
                "bytes_to_first",
                "prefill_here_to_there",
                "decode_here_to_there"));
        sizes(document).forEach(rows -> header.add("tokens_per_second_of_" + rows));
        var rows = new ArrayList<List<String>>();
        for (var model : document.models()) {
            rows.add(filled(line(model), header.size()));
            model.peers().forEach(peer -> rows.add(filled(line(model, peer), header.size())));
        }
        return Csv.of(header, rows);
    }

    private static List<String> line(Model model) {
        var first = model.toFirst();
        var line = new ArrayList<>(List.of(
                model.model(),
                "lowrank",
                Long.toString(model.fileBytes()),
                Integer.toString(model.promptTokens()),
                Integer.toString(model.decodeTokens()),
                Double.toString(model.prefill()),
                Double.toString(model.decode()),
                Double.toString(model.firstToken()),
                Double.toString(model.latency().p50()),
                Double.toString(model.latency().p90()),
                Double.toString(model.latency().p99()),
                Long.toString(model.tokenBytes()),
                Double.toString(model.bandwidth()),
                Double.toString(model.bandwidthShare()),
                Long.toString(model.residentBytes()),
                model.joules() == null ? "" : model.joules().toString(),
                first == null ? "" : Double.toString(first.prefill()),
                first == null ? "" : Double.toString(first.decode()),
                first == null ? "" : Double.toString(first.bytes()),
                "",
                ""));
        model.batches().forEach(batch -> line.add(Double.toString(batch.tokensPerSecond())));
        return line;
    }

    private static List<String> line(Model model, BesidePeer peer) {
        var line = new ArrayList<>(List.of(
                model.model(),
                peer.peer(),
                peer.bytes() == null ? "" : peer.bytes().toString(),
                Integer.toString(peer.promptTokens()),
                Integer.toString(model.decodeTokens()),
                Double.toString(peer.prefill()),
                Double.toString(peer.decode())));
        line.addAll(List.of("", "", "", "", "", "", "", "", "", "", "", ""));
        line.addAll(List.of(Double.toString(peer.prefillRatio()), Double.toString(peer.decodeRatio())));
        return line;
    }

    /// A line with empty cells to its end.
    private static List<String> filled(List<String> line, int columns) {
        var all = new ArrayList<>(line);
        while (all.size() < columns) {
            all.add("");
        }
        return all;
    }

    static String weights(BesidePeer peer) {
        return peer.bytes() == null ? "-" : Figures.bytes(peer.bytes());
    }

    static String milliseconds(double seconds) {
        return Figures.decimal(seconds * 1000, 2);
    }

    static String percent(double share) {
        return Figures.decimal(100 * share, 0) + " %";
    }

    static String times(double ratio) {
        return Figures.decimal(ratio, 2) + "×";
    }

    static String joules(@Nullable Double joules) {
        return joules == null ? "-" : Figures.decimal(joules, 3);
    }
}
