package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.checkpoint.Manifest;
import dev.lowrank.evaluate.ProcessMemory;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.recover.Goal;
import dev.lowrank.recover.Pace;
import dev.lowrank.recover.Recovery;
import dev.lowrank.recover.Recovery.Material;
import dev.lowrank.recover.Recovery.Unfinished;
import dev.lowrank.recover.RecoveryProgress;
import dev.lowrank.recover.RecoveryRecipe;
import dev.lowrank.recover.RecoveryReport;
import dev.lowrank.recover.RecoveryReport.BlockLoss;
import dev.lowrank.recover.RecoveryReport.Round;
import dev.lowrank.text.Corpus;
import dev.lowrank.text.TrainingSet;
import dev.lowrank.text.ValidationSet;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// Trains a compressed model.
@Command(
        name = "recover",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Win back by training what a compression lost: a folder of the same storage forms, ranks and bytes"
                        + " comes out. A run that was stopped continues when the same command is given again.")
final class RecoverCommand implements Callable<Integer> {
    /// Characters of the text by which two tokenizers are compared.
    private static final int SAMPLE = 20_000;

    private final Console console;
    private final ModelArgument models;
    private final TeacherArgument teachers;
    private final Interruption interruption;

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "MODEL", description = "Folder that Lowrank wrote.")
    private Path model;

    @Option(
            names = "--teacher",
            paramLabel = "SOURCE",
            description = "Dense model whose predictions are learnt; without it the model's source, if it is found.")
    private @Nullable String teacher;

    @Option(names = "--no-teacher", description = "Train on the text alone.")
    private boolean noTeacher;

    @Option(
            names = "--text",
            required = true,
            paramLabel = "FILE",
            description = "Text or JSONL file to train on; give several to mix them evenly.")
    private List<Path> texts = new ArrayList<>();

    @Option(
            names = "--validation",
            paramLabel = "FILE",
            description = "Text or JSONL file that decides which state is kept; neither training nor evaluation text.")
    private @Nullable Path validation;

    @Option(
            names = "--validation-windows",
            defaultValue = "16",
            paramLabel = "N",
            description = "Windows of the validation text (${DEFAULT-VALUE}).")
    private int validationWindows;

    @Option(names = "--window", defaultValue = "512", description = "Tokens in a window (${DEFAULT-VALUE}).")
    private int window;

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "FOLDER",
            description = "Folder to make.")
    private Path output;

    @Mixin
    private TrainingOptions training;

    @Option(names = "--restart", description = "Throw away the unfinished work of an earlier run.")
    private boolean restart;

    RecoverCommand(Console console, ModelArgument models, TeacherArgument teachers, Interruption interruption) {
        this.console = console;
        this.models = models;
        this.teachers = teachers;
        this.interruption = interruption;
    }

    @Override
    public Integer call() {
        var folder = models.resolve(model.toString());
        try (var opened = LanguageModel.open(folder)) {
            var recipe = training.recipe(opened.requireDecoder().spec().hiddenSize());
            requireContext(opened);
            train(opened, teacher(folder), recipe);
        }
        return ExitCode.OK.number();
    }

    private void train(LanguageModel opened, @Nullable Path source, RecoveryRecipe recipe) {
        try (var dense = source == null ? null : LanguageModel.open(source)) {
            var material = material(opened, dense);
            UsageErrors.check(() -> {
                Recovery.check(material, recipe);
                return material;
            });
            var document = Document.of(
                    run(material, recipe), source == null ? null : source.toString(), ProcessMemory.peakBytes());
            document.warnings().forEach(console::warn);
            console.result(document, document::text);
        }
    }

    private @Nullable Path teacher(Path folder) {
        if (noTeacher) {
            if (teacher != null) {
                throw new CommandException(
                        ExitCode.USAGE, "--teacher and --no-teacher contradict each other.", "Give one of them.");
            }
            return null;
        }
        if (teacher != null) {
            return models.resolve(teacher);
        }
        var found = teachers.sourceOf(folder);
        if (!Files.exists(folder.resolve(Manifest.FILE_NAME))) {
            return null; // no folder of ours, which is said instead of looking for its source
        }
        if (found == null) {
            console.warn("The model that " + folder + " was compressed from is not found; training on the text alone."
                    + " Name it with --teacher for a better result.");
        } else {
            console.note("Teacher: " + found + ", the source of " + folder + ".");
        }
        return found;
    }

    private void requireContext(LanguageModel opened) {
        var context = opened.spec().maxPositions();
        if (window > context) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "A window of " + window + " tokens is beyond the model's context of " + context + ".",
                    "Give a smaller --window.");
        }
    }

    private Material material(LanguageModel opened, @Nullable LanguageModel dense) {
        var corpora = texts.stream().map(Corpus::read).toList();
        var held = validation == null ? null : Corpus.read(validation);
        if (held != null) {
            requireHeldOut(corpora, held);
        }
        if (dense != null) {
            requireSameTokens(opened, dense, corpora.getFirst().text());
        }
        try (var tokenizer = opened.tokenizer()) {
            return UsageErrors.check(() -> new Material(
                    opened,
                    dense,
                    TrainingSet.consecutive(tokenizer, corpora, window),
                    held == null ? null : ValidationSet.firstWindows(tokenizer, held, window, validationWindows)));
        }
    }

    /// Refuses to judge a training by the text it learns.
    private static void requireHeldOut(List<Corpus> corpora, Corpus held) {
        for (var corpus : corpora) {
            if (corpus.sha256().equals(held.sha256())) {
                throw new CommandException(
                        ExitCode.USAGE,
                        "The validation text " + held.name() + " has the content of the training text " + corpus.name()
                                + "; it must be text that is not trained on.",
                        "Give --validation another file, or leave it out.");
            }
        }
    }

    /// Refuses a teacher that spells text in other tokens.
    private static void requireSameTokens(LanguageModel opened, LanguageModel dense, String text) {
        var end = text.offsetByCodePoints(0, Math.min(text.codePointCount(0, text.length()), SAMPLE));
        var sample = text.substring(0, end);
        try (var own = opened.tokenizer();
                var other = dense.tokenizer()) {
            if (!Arrays.equals(own.encode(sample), other.encode(sample))) {
                throw new CommandException(
                        ExitCode.INPUT,
                        "The teacher " + dense.checkpoint().path() + " spells text in other tokens than the model.",
                        "Give the dense model that this one was compressed from.");
            }
        }
    }

    private RecoveryReport run(Material material, RecoveryRecipe recipe) {
        interruption.resumable("Give the same command again and it continues from the last saved state.");
        try (var line = console.progress()) {
            var progress = new RecoveryProgress() {
                @Override
                public void step(String what, long done, long total) {
                    line.step(what, done, total);
                }

                @Override
                public void trained(Pace pace) {
                    line.show("train", pace.step(), () -> words(pace));
                }

                @Override
                public void round(Round round) {
                    line.note(words(round));
                }
            };
            var unfinished = restart ? Unfinished.DISCARD : Unfinished.RESUME;
            var page = new RecoverPage(material.model(), CommandWords.given(spec));
            return Recovery.run(material, recipe, output, unfinished, progress, page);
        } finally {
            interruption.done();
        }
    }

    private static String words(Pace pace) {
        return String.format(
                Locale.ROOT,
                "step %s, %s tokens/s, text %.4f%s nats a token, %s of %s%s, %s left",
                Figures.count(pace.step()) + (pace.steps() > 0 ? " of " + Figures.count(pace.steps()) : ""),
                Figures.count(Math.round(pace.tokensPerSecond())),
                pace.crossEntropy(),
                ofTeacher(pace.divergence()),
                Figures.seconds(pace.seconds()),
                pace.steps() > 0 ? "about " : "",
                Figures.seconds(pace.seconds() + pace.secondsLeft()),
                Figures.seconds(pace.secondsLeft()));
    }

    private static String ofTeacher(double divergence) {
        return divergence == 0 ? "" : String.format(Locale.ROOT, ", teacher %.4f", divergence);
    }

    private static String words(Round round) {
        var perplexity = round.perplexity();
        return String.format(
                Locale.ROOT,
                "step %d%s%s",
                round.step(),
                round.step() == 0
                        ? ""
                        : String.format(
                                Locale.ROOT,
                                ": text %.4f%s nats a token",
                                round.crossEntropy(),
                                ofTeacher(round.divergence())),
                perplexity == null ? "" : ", validation perplexity " + Figures.perplexity(perplexity));
    }

    /// What `recover --json` prints; its keys are a contract.
    ///
    /// @param output folder written
    /// @param teacher model whose predictions or block outputs were learnt; absent where none was
    /// @param towards the same in words, for people
    /// @param trainedParameters numbers that moved
    /// @param precision element type of products
    /// @param steps end-to-end steps taken
    /// @param bestStep step whose state was written
    /// @param stoppedEarly whether the validation text stopped it
    /// @param tokens tokens trained on, repeated ones counted again
    /// @param seconds training time, that of stopped runs included
    /// @param before perplexity on the validation text before; absent without one
    /// @param after perplexity of the folder written, read back; absent without one
    /// @param rounds looks at the validation text
    /// @param blocks what the stage blocks did
    /// @param peakMemoryBytes peak resident memory of the process
    /// @param warnings what to know
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Document(
            @JsonProperty("output") String output,
            @JsonProperty("teacher") @Nullable String teacher,
            @JsonIgnore String towards,
            @JsonProperty("trained_parameters") long trainedParameters,
            @JsonProperty("precision") String precision,
            @JsonProperty("steps") long steps,
            @JsonProperty("best_step") long bestStep,
            @JsonProperty("stopped_early") boolean stoppedEarly,
            @JsonProperty("tokens") long tokens,
            @JsonProperty("seconds") double seconds,
            @JsonProperty("perplexity_before") @Nullable Double before,
            @JsonProperty("perplexity_after") @Nullable Double after,
            @JsonProperty("rounds") List<RoundFigure> rounds,
            @JsonProperty("blocks") List<BlockFigure> blocks,
            @JsonProperty("peak_memory_bytes") long peakMemoryBytes,
            @JsonProperty("warnings") List<String> warnings) {

        /// @param step steps taken
        /// @param crossEntropy nats a token of the text since the last round
        /// @param divergence nats a token from the teacher since the last round
        /// @param perplexity on the validation text; absent without one
        @JsonInclude(JsonInclude.Include.NON_NULL)
        record RoundFigure(
                @JsonProperty("step") long step,
                @JsonProperty("cross_entropy") double crossEntropy,
                @JsonProperty("divergence") double divergence,
                @JsonProperty("perplexity") @Nullable Double perplexity) {
            static RoundFigure of(Round round) {
                return new RoundFigure(round.step(), round.crossEntropy(), round.divergence(), round.perplexity());
            }
        }

        /// @param block index
        /// @param before relative square error before
        /// @param after relative square error after
        record BlockFigure(
                @JsonProperty("block") int block,
                @JsonProperty("before") double before,
                @JsonProperty("after") double after) {
            static BlockFigure of(BlockLoss loss) {
                return new BlockFigure(loss.block(), loss.before(), loss.after());
            }
        }

        static Document of(RecoveryReport report, @Nullable String teacher, long peakMemoryBytes) {
            return new Document(
                    report.output().toString(),
                    Goal.ofTeacher(report.goals()) ? teacher : null,
                    Goal.words(report.goals(), teacher),
                    report.trainedParameters(),
                    report.precision().toLowerCase(Locale.ROOT),
                    report.steps(),
                    report.bestStep(),
                    report.stoppedEarly(),
                    report.tokens(),
                    report.seconds(),
                    report.before(),
                    report.after(),
                    report.rounds().stream().map(RoundFigure::of).toList(),
                    report.blocks().stream().map(BlockFigure::of).toList(),
                    peakMemoryBytes,
                    report.warnings());
        }

        /// The same for people.
        String text() {
            var text = new StringBuilder(String.format(
                    Locale.ROOT,
                    "%s: %s numbers trained in %s, %s%n",
                    output,
                    Figures.count(trainedParameters),
                    precision,
                    towards));
            if (before != null && after != null) {
                text.append(String.format(
                        Locale.ROOT,
                        "Perplexity on the validation text: %s before, %s after%s%n",
                        Figures.perplexity(before),
                        Figures.perplexity(after),
                        stoppedEarly ? "; it had stopped falling, the best state is written" : ""));
            }
            for (var block : blocks) {
                text.append(String.format(
                        Locale.ROOT,
                        "Block %d: relative square error %.5f before, %.5f after%n",
                        block.block(),
                        block.before(),
                        block.after()));
            }
            return text.append(String.format(
                            Locale.ROOT,
                            "%s: %s steps, %s tokens; peak memory %s%n",
                            Figures.seconds(seconds),
                            Figures.count(steps),
                            Figures.count(tokens),
                            Figures.bytes(peakMemoryBytes)))
                    .append(String.format(
                            Locale.ROOT,
                            "Report: %1$s/report.html%nNext: lowrank evaluate %1$s --text FILE, lowrank generate %1$s%n",
                            output))
                    .toString();
        }
    }
}
