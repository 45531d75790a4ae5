package dev.lowrank.app;

import dev.lowrank.compress.Compression;
import dev.lowrank.compress.Compression.Unfinished;
import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.CompressionReport;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.allocate.RankRule;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.Methods;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.SamplingOptions;
import dev.lowrank.text.CalibrationSet;
import dev.lowrank.text.Corpus;
import dev.lowrank.text.EvaluationSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// The work of `demo`: one calibration pass, eight candidates, one winner.
final class Demo {
    /// What the demo can be asked.
    ///
    /// @param keep share of the linears' parameters that stays
    /// @param samples calibration windows
    /// @param maxWindows evaluation windows of each text
    record Settings(double keep, int samples, int maxWindows) {}

    private static final int WINDOW = 512;
    private static final int NEW_TOKENS = 32;
    private static final List<String> METHODS = List.of("svd", "asvd", "svd-llm", "lord");
    private static final List<StoragePolicy> STORAGES = List.of(StoragePolicy.FACTORED, StoragePolicy.PIVOTED);
    private static final List<String> TEXTS = List.of("code.jsonl", "prose.txt");
    private static final List<String> PROMPTS =
            List.of("import numpy as np\n", "def read_file(path):\n", "class Node:\n    def __init__(self");

    private final LanguageModel model;
    private final Settings settings;
    private final Path output;
    private final Progress progress;
    private final Path texts;

    /// @param model the pocket model, with its texts beside it
    /// @param output folder for the winner, replaced
    Demo(LanguageModel model, Settings settings, Path output, Progress progress) {
        this.model = model;
        this.settings = settings;
        this.output = output;
        this.progress = progress;
        this.texts = model.checkpoint().path().resolve("text");
    }

    DemoDocument run() throws IOException {
        var started = System.nanoTime();
        var work = output.resolveSibling(output.getFileName() + ".candidates");
        Folders.delete(work);
        try (var tokenizer = model.tokenizer()) {
            var corpora =
                    TEXTS.stream().map(name -> Corpus.read(texts.resolve(name))).toList();
            var sets = UsageErrors.check(() -> corpora.stream()
                    .map(corpus -> EvaluationSet.firstWindows(tokenizer, corpus, WINDOW, settings.maxWindows()))
                    .toList());
            var calibration = UsageErrors.check(() -> CalibrationSet.sample(
                    tokenizer,
                    List.of(Corpus.read(texts.resolve("calibration.jsonl"))),
                    settings.samples(),
                    WINDOW,
                    0));
            var jobs = jobs(work);
            var reports = Compression.runAll(model, jobs, calibration, Unfinished.DISCARD, progress);
            // The first measurement of a process pays for compilation; it would make the original look slow.
            Measurement.of(model, List.of(), List.of(), true, Progress.silent());
            var rows = new ArrayList<DemoDocument.Row>();
            rows.add(new DemoDocument.Row(
                    "original", "dense", 1, null, Measurement.of(model, TEXTS, sets, true, progress)));
            for (var report : reports) {
                rows.add(row(report, sets));
            }
            var best = best(rows);
            keep(jobs.get(best - 1).output());
            var samples = samples();
            return new DemoDocument(rows, best, output.toString(), samples, (System.nanoTime() - started) / 1e9);
        } finally {
            Folders.delete(work);
        }
    }

    private List<Compression.Job> jobs(Path work) {
        var ranks = UsageErrors.check(() -> new RankRule.Uniform(KeepRatio.keep(settings.keep())));
        var jobs = new ArrayList<Compression.Job>();
        for (var method : METHODS) {
            for (var storage : STORAGES) {
                var recipe = CompressionRecipe.of(Methods.of(method, MethodOptions.DEFAULT), storage, ranks, 0);
                jobs.add(new Compression.Job(recipe, work.resolve(method + "-" + storage.id())));
            }
        }
        return jobs;
    }

    private DemoDocument.Row row(CompressionReport report, List<EvaluationSet> sets) {
        try (var candidate = LanguageModel.open(report.output())) {
            var seconds = report.seconds();
            return new DemoDocument.Row(
                    report.method(),
                    report.storage(),
                    report.keptTarget(),
                    seconds.calibrate() + seconds.decompose() + seconds.write(),
                    Measurement.of(candidate, TEXTS, sets, true, progress));
        }
    }

    /// The row with the lowest perplexity on code, which the model is for.
    private static int best(List<DemoDocument.Row> rows) {
        var best = 1;
        for (var i = 2; i < rows.size(); i++) {
            if (perplexity(rows.get(i)) < perplexity(rows.get(best))) {
                best = i;
            }
        }
        return best;
    }

    private static double perplexity(DemoDocument.Row row) {
        return row.measured().perplexity().getFirst().value();
    }

    private void keep(Path winner) throws IOException {
        Folders.delete(output);
        Files.move(winner, output);
    }

    private List<DemoDocument.Sample> samples() {
        try (var winner = LanguageModel.open(output);
                var before = Speaker.of(model);
                var after = Speaker.of(winner)) {
            return PROMPTS.stream()
                    .map(prompt -> new DemoDocument.Sample(prompt, write(before, prompt), write(after, prompt)))
                    .toList();
        }
    }

    private static String write(Speaker speaker, String prompt) {
        var ids = speaker.tokenizer().encodeWithSpecials(prompt);
        return speaker.write(ids, NEW_TOKENS, SamplingOptions.greedy(), _ -> {}).text();
    }

    /// Folders that the demo made itself.
    private static final class Folders {
        static void delete(Path folder) throws IOException {
            if (!Files.exists(folder)) {
                return;
            }
            try (var walk = Files.walk(folder)) {
                for (var path : walk.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(path);
                }
            }
        }
    }
}
