package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.evaluate.ProcessMemory;
import dev.lowrank.evaluate.encoder.LabelScores;
import dev.lowrank.evaluate.encoder.LabelTask;
import dev.lowrank.evaluate.encoder.MaskedTokens;
import dev.lowrank.evaluate.encoder.SentenceEmbedder;
import dev.lowrank.evaluate.encoder.StsBenchmark;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.text.Corpus;
import dev.lowrank.text.DataRecords;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/// Measures an encoder: the tasks that read sentence embeddings or a classifier, and hidden tokens of texts
/// where the model has a head for them.
///
/// @param model an encoder, open
/// @param options which tasks
/// @param texts which texts
/// @param window tokens in a window of a text
record EncoderTasks(LanguageModel model, TaskChoice options, EvaluationTexts texts, int window) {
    private static final String STSB = "stsb";
    private static final String STSB_FILE = "stsb_dev.jsonl";
    private static final String STSB_PROTOCOL = "cosine of sentence embeddings, times 100";

    /// Names of the tasks that an encoder has.
    static List<String> names() {
        return Stream.concat(Stream.of(STSB), Arrays.stream(LabelTask.values()).map(LabelTask::id))
                .toList();
    }

    /// Measures all that was asked for.
    ///
    /// @throws CommandException with code 2 for an unknown task or nothing asked for
    Document measure(Progress progress) {
        var wanted = options.names();
        wanted.forEach(name -> UsageErrors.known(name, "tasks of an encoder", names()));
        if (wanted.isEmpty() && texts.files().isEmpty()) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "Nothing is to be measured: an encoder has no perplexity or decode speed.",
                    "Give --tasks " + String.join(",", names()) + " with --task-data FOLDER, or --text FILE for a"
                            + " model with a masked-token head.");
        }
        if (!texts.files().isEmpty()
                && model.spec().encoder().flatMap(parts -> parts.masked()).isEmpty()) {
            model.requireDecoder(); // says what to use instead
        }
        var figures = new ArrayList<EncoderFigure>();
        if (!wanted.isEmpty()) {
            var data = options.records().folder();
            try (var embedder = SentenceEmbedder.open(model)) {
                for (var name : wanted) {
                    figures.addAll(
                            name.equals(STSB) ? sts(embedder, data, progress) : labels(embedder, name, data, progress));
                }
            }
        }
        texts.files().forEach(file -> figures.add(masked(file, progress)));
        return new Document(
                model.checkpoint().path().toString(),
                model.weights().parameters(),
                model.checkpoint().weightBytes(),
                figures,
                ProcessMemory.peakBytes(),
                ProcessMemory.peakHeapBytes());
    }

    private List<EncoderFigure> sts(SentenceEmbedder embedder, Path data, Progress progress) {
        var most = options.records().limit() == 0
                ? Long.MAX_VALUE
                : options.records().limit();
        var pairs = DataRecords.read(data.resolve(STSB_FILE)).stream()
                .limit(most)
                .map(StsBenchmark.Pair::of)
                .toList();
        var found = UsageErrors.check(() -> StsBenchmark.measure(embedder, pairs, progress));
        return List.of(
                new EncoderFigure(
                        STSB,
                        "spearman",
                        found.spearman(),
                        found.spearmanError(),
                        found.pairs(),
                        STSB_PROTOCOL,
                        found.truncated()),
                new EncoderFigure(
                        STSB,
                        "pearson",
                        found.pearson(),
                        found.pearsonError(),
                        found.pairs(),
                        STSB_PROTOCOL,
                        found.truncated()));
    }

    private List<EncoderFigure> labels(SentenceEmbedder embedder, String name, Path data, Progress progress) {
        var task = Arrays.stream(LabelTask.values())
                .filter(each -> each.id().equals(name))
                .findFirst()
                .orElseThrow();
        var examples = task.scored(data, options.records().limit());
        var own = model.spec()
                .encoder()
                .flatMap(parts -> parts.classifier())
                .flatMap(head -> task.numbers(head.labels()));
        var found = own.isPresent()
                ? LabelScores.byClassifier(embedder, own.get(), examples, progress)
                : LabelScores.byProbe(embedder, task.fitted(data), examples, progress);
        var protocol = own.isPresent() ? found.protocol() : found.protocol() + " on " + task.trainingFile();
        var figures = new ArrayList<EncoderFigure>();
        figures.add(new EncoderFigure(
                name, "acc", found.accuracy(), found.accuracyError(), found.documents(), protocol, found.truncated()));
        if (task.reportsF1()) {
            figures.add(new EncoderFigure(
                    name, "f1", found.f1(), found.f1Error(), found.documents(), protocol, found.truncated()));
        }
        return figures;
    }

    private EncoderFigure masked(String file, Progress progress) {
        var length = Math.min(window, model.spec().maxPositions());
        var most = texts.maxWindows() == 0 ? Integer.MAX_VALUE : texts.maxWindows();
        var corpus = Corpus.read(Path.of(file));
        var found = UsageErrors.check(() -> MaskedTokens.measure(model, corpus, length, most, progress));
        return new EncoderFigure(
                file,
                "masked_perplexity",
                found.value(),
                found.error(),
                found.windows(),
                MaskedTokens.PROTOCOL + " of " + found.window(),
                null);
    }

    /// What `evaluate --json` prints of an encoder; its keys are a contract.
    ///
    /// @param model path
    /// @param parameters numbers stored
    /// @param bytes bytes of the weight files
    /// @param tasks one entry a metric
    /// @param peakMemoryBytes peak resident memory of the process, heap and native together
    /// @param peakHeapBytes peak of the Java heap and its own native pools
    record Document(
            @JsonProperty("model") String model,
            @JsonProperty("parameters") long parameters,
            @JsonProperty("bytes") long bytes,
            @JsonProperty("tasks") List<EncoderFigure> tasks,
            @JsonProperty("peak_memory_bytes") long peakMemoryBytes,
            @JsonProperty("peak_heap_bytes") long peakHeapBytes) {

        /// The same for people.
        String text() {
            var table = Table.of("task", "metric", "value", "records", "measured by");
            for (var figure : tasks) {
                var decimals = figure.value() < 1.5 ? 4 : 2;
                table.row(
                        figure.task(),
                        figure.metric(),
                        Figures.decimal(figure.value(), decimals) + " ± " + Figures.decimal(figure.stderr(), decimals),
                        Figures.count(figure.documents()) + cut(figure),
                        Objects.requireNonNullElse(figure.protocol(), ""));
            }
            return model + ": " + Figures.count(parameters) + " parameters in " + Figures.bytes(bytes) + "\n\n"
                    + table.render();
        }

        private static String cut(EncoderFigure figure) {
            var truncated = figure.truncated();
            return truncated == null || truncated == 0 ? "" : ", " + truncated + " truncated";
        }
    }
}
