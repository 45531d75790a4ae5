package dev.lowrank.app;

import dev.lowrank.app.bench.BenchDocument;
import dev.lowrank.app.bench.BenchRun;
import dev.lowrank.app.bench.ModelSpeed;
import dev.lowrank.app.bench.Peer;
import dev.lowrank.app.bench.Peers;
import dev.lowrank.app.bench.Workload;
import dev.lowrank.evaluate.Machine;
import dev.lowrank.tensor.Compute;
import dev.lowrank.text.Corpus;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// Measures how fast models run, alone and beside other programs.
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Measure how fast models run: a prompt at once, then token by token, then several texts side by"
                + " side. Tells the bytes that a token reads and what share that is of what memory gives."
                + " Several models are measured one after the other and compared with the first; --peer measures other"
                + " programs in the same run, in turns.",
        footer = {
            "",
            "Peers: llama.cpp=URL is a running llama.cpp server; llama.cpp=llama-server its program, with or without a",
            "folder; llama.cpp=PYTHON a Python with the package xllamacpp; transformers=PYTHON a Python with torch and",
            "transformers. Without =PYTHON it is LOWRANK_PYTHON, else python3. For llama.cpp a folder is first written as",
            "GGUF in the type of its weights; a running server runs what its user gave it.",
            "Measure on a machine that does nothing else."
        })
final class BenchCommand implements Callable<Integer> {
    private static final String TEXT = "wikitext-evaluation.txt";

    private final Console console;
    private final ModelArgument models;
    private final Map<String, String> environment;

    @Spec
    private CommandSpec spec;

    @Parameters(
            arity = "0..*",
            paramLabel = "MODEL",
            description = "Folders, .gguf files or org/name; the pocket model if none.")
    private List<String> names = new ArrayList<>();

    @Option(
            names = "--prompt-tokens",
            defaultValue = "521",
            paramLabel = "N",
            description = "Tokens of the prompt (${DEFAULT-VALUE}).")
    private int promptTokens;

    @Option(
            names = "--decode-tokens",
            defaultValue = "128",
            paramLabel = "N",
            description = "Tokens decoded after it (${DEFAULT-VALUE}).")
    private int decodeTokens;

    @Option(
            names = "--batch",
            split = ",",
            defaultValue = "1,2,4,8,16",
            paramLabel = "ROWS",
            description = "How many texts are decoded side by side, each 1 to 16 (${DEFAULT-VALUE}).")
    private List<Integer> batches = new ArrayList<>();

    @Option(
            names = "--rounds",
            defaultValue = "3",
            paramLabel = "N",
            description = "Rounds of each measurement; the best counts (${DEFAULT-VALUE}).")
    private int rounds;

    @Option(names = "--threads", paramLabel = "N", description = "Threads of both sides; as many as there are cores.")
    private @Nullable Integer threads;

    @Option(
            names = "--text",
            paramLabel = "FILE",
            description = "Text or JSONL file whose first tokens are the prompt; one that comes with Lowrank.")
    private @Nullable Path text;

    @Option(
            names = "--peer",
            paramLabel = "NAME[=WHERE]",
            description = "Also measure llama.cpp or transformers, see below; may be given several times.")
    private List<String> peers = new ArrayList<>();

    @Mixin
    private CacheTypeOption cacheType;

    @Option(names = "--csv", paramLabel = "FILE", description = "Also write the figures as comma-separated values.")
    private @Nullable Path csv;

    @Option(names = "--html", paramLabel = "FILE", description = "Also write a page with tables and a plot.")
    private @Nullable Path html;

    BenchCommand(Console console, ModelArgument models, Map<String, String> environment) {
        this.console = console;
        this.models = models;
        this.environment = environment;
    }

    @Override
    public Integer call() throws InterruptedException {
        CompareCommand.requireWritable("--csv", csv);
        CompareCommand.requireWritable("--html", html);
        var found = peers();
        var workload = UsageErrors.check(this::workload);
        var paths = new ArrayList<Path>();
        for (var name : names) {
            paths.add(models.resolve(name));
        }
        if (paths.isEmpty()) {
            paths.add(models.resolve(null));
        }
        var before = Compute.threads();
        try {
            Compute.setThreads(workload.threads());
            var document = run(workload, found, paths);
            console.result(document, () -> BenchReport.text(document));
            write(document);
        } finally {
            Compute.setThreads(before);
        }
        return ExitCode.OK.number();
    }

    private List<Peer> peers() {
        return peers.stream()
                .map(word -> {
                    UsageErrors.known(Peers.name(word), "peers", Peers.NAMES);
                    return UsageErrors.check(() -> Peers.of(word, environment));
                })
                .toList();
    }

    private Workload workload() {
        var file = text == null ? models.resolve(null).resolve("text").resolve(TEXT) : text;
        return new Workload(
                Corpus.read(file).text(),
                file.toString(),
                promptTokens,
                decodeTokens,
                rounds,
                threads == null ? Runtime.getRuntime().availableProcessors() : threads,
                List.copyOf(new LinkedHashSet<>(batches)),
                cacheType.type());
    }

    private BenchDocument run(Workload workload, List<Peer> beside, List<Path> paths) throws InterruptedException {
        var start = System.nanoTime();
        var machine = Machine.here().line();
        try (var work = WorkFolder.forOutput(null);
                var progress = console.progress()) {
            var run = new BenchRun(workload, beside, work.path(), progress);
            paths.forEach(path -> check(run, path));
            var found = new ArrayList<ModelSpeed>();
            for (var i = 0; i < paths.size(); i++) {
                var path = paths.get(i);
                found.add(run.measure(names.isEmpty() ? path.toString() : names.get(i), path));
            }
            return BenchDocument.of(machine, run, found, (System.nanoTime() - start) / 1e9);
        }
    }

    /// @throws CommandException with code 2 where the text is too short for the prompt
    private static void check(BenchRun run, Path path) {
        try {
            run.check(path);
        } catch (BenchRun.ShortTextException tooShort) {
            throw new CommandException(
                    ExitCode.USAGE,
                    String.valueOf(tooShort.getMessage()),
                    "Name a longer text with --text FILE, or ask for fewer tokens.");
        }
    }

    private void write(BenchDocument document) {
        try {
            if (csv != null) {
                Files.writeString(csv, BenchReport.csv(document));
            }
            if (html != null) {
                Files.write(html, BenchPage.of(document, CommandWords.given(spec)));
            }
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
