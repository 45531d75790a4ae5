package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.compress.CalibrationShares;
import dev.lowrank.compress.Compression;
import dev.lowrank.compress.Compression.Unfinished;
import dev.lowrank.compress.CompressionPlan;
import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.CompressionReport;
import dev.lowrank.compress.SiteReport;
import dev.lowrank.compress.Validated;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.evaluate.ProcessMemory;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.text.CalibrationSet;
import dev.lowrank.text.ValidationSet;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// Compresses a model into a folder.
@Command(
        name = "compress",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Factorise a model's linear layers and write a smaller model. A run that was stopped continues"
                + " when the same command is given again.")
final class CompressCommand implements Callable<Integer> {
    private final Console console;
    private final ModelArgument models;
    private final Interruption interruption;

    @Spec
    private CommandSpec spec;

    @Parameters(arity = "0..1", paramLabel = "MODEL", description = "Folder, .gguf file or org/name; the pocket model.")
    private @Nullable String model;

    @Option(
            names = "--method",
            defaultValue = CompressionRecipe.OWN,
            completionCandidates = RecipeOptions.MethodIds.class,
            description = "${COMPLETION-CANDIDATES} (${DEFAULT-VALUE}).")
    private String method;

    @Option(
            names = "--storage",
            completionCandidates = RecipeOptions.StorageIds.class,
            description = "${COMPLETION-CANDIDATES} (${DEFAULT-VALUE}).")
    private String storage = StoragePolicy.AUTO.id();

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "FOLDER",
            description = "Folder to make.")
    private Path output;

    @Mixin
    private RecipeOptions recipe;

    @Mixin
    private AccuracyOptions accuracy;

    @Mixin
    private CalibrationOptions calibration;

    @Option(
            names = "--check",
            paramLabel = "FILE",
            description = "Text to measure the perplexity on before and after, which nothing was chosen by; beyond"
                    + " --max-perplexity-increase on it the command ends with 7.")
    private @Nullable Path check;

    @Option(names = "--restart", description = "Throw away the unfinished work of an earlier run.")
    private boolean restart;

    CompressCommand(Console console, ModelArgument models, Interruption interruption) {
        this.console = console;
        this.models = models;
        this.interruption = interruption;
    }

    @Override
    public Integer call() {
        var bound = accuracy.bound();
        var asked = bound == null ? recipe.recipe(method, storage) : recipe.sharing(method, storage, 1);
        RecipeDetails.refuseIgnored(spec.commandLine().getParseResult(), List.of(asked));
        try (var opened = LanguageModel.open(models.resolve(model))) {
            if (check != null || bound != null) {
                opened.requireDecoder();
            }
            var fitted = recipe.fitted(opened, asked);
            UsageErrors.check(() -> CompressionPlan.of(opened, fitted, calibration.samples(), calibration.window()));
            var set = calibration.read(opened, recipe.seed());
            requireCalibration(asked, set);
            var validation = calibration.readValidation(opened);
            requireValidation(asked, validation);
            var other = checkText(opened, check, calibration.window(), TextRoles.of(set, validation));
            var checking = new PerplexityCheck(opened, other);
            var found = bound == null ? null : search(bound, opened, set, validation);
            var report = found == null ? run(opened, fitted, set, validation, checking) : found.report();
            if (found != null) {
                check(checking);
            }
            var document = Document.of(
                    report,
                    bound == null ? recipe.keep() : null,
                    found == null ? null : found.found(),
                    checking.result(recipe.largestIncrease()));
            document.warnings().forEach(console::warn);
            console.result(document, document::text);
            return verdict(document.check()).number();
        }
    }

    /// Measures the output after it is finished.
    private void check(PerplexityCheck checking) {
        try (var written = LanguageModel.open(output);
                var progress = console.progress()) {
            checking.measure(written, progress);
        }
    }

    /// Whether the gate was met on the text that nothing was chosen by.
    private ExitCode verdict(@Nullable Check checked) {
        var bound = recipe.largestIncrease();
        if (bound == null) {
            return ExitCode.OK;
        }
        if (checked == null) {
            console.warn(
                    "The bound on perplexity was met on the text that the cut was chosen by; give a text of its own"
                            + " with --check FILE to see whether it holds elsewhere.");
            return ExitCode.OK;
        }
        if (Boolean.FALSE.equals(checked.within())) {
            console.warn(String.format(
                    Locale.ROOT,
                    "Quality gate missed: perplexity on %s rose by %.2f %%, allowed were %.2f %%. %s is written.",
                    checked.text(),
                    100 * checked.increase(),
                    100 * bound,
                    output));
            return ExitCode.QUALITY;
        }
        return ExitCode.OK;
    }

    /// Cuts and measures models beside the output until the smallest that is within the bound is known.
    private AccuracySearch.Taken search(
            AccuracyBound bound,
            LanguageModel opened,
            @Nullable CalibrationSet set,
            @Nullable ValidationSet validation) {
        WorkFolder.requireAbsent(output);
        interruption.resumable("Give the same command again and it continues with the models that are made.");
        try (var progress = console.progress()) {
            var search = new AccuracySearch(
                    bound,
                    shares -> Compression.runAll(
                            opened,
                            shares.stream()
                                    .map(share -> new Compression.Job(
                                            recipe.sharing(method, storage, share),
                                            output.resolveSibling(output.getFileName() + ".keep-" + share),
                                            new CompressPage(opened, written -> null)))
                                    .toList(),
                            set,
                            validation,
                            restart ? Unfinished.DISCARD : Unfinished.RESUME,
                            progress),
                    progress);
            var taken = search.run(opened);
            WorkFolder.move(taken.report().output(), output);
            search.folders().stream().filter(Files::exists).forEach(WorkFolder::delete);
            return new AccuracySearch.Taken(taken.report().movedTo(output), taken.found());
        } finally {
            interruption.done();
        }
    }

    private CompressionReport run(
            LanguageModel opened,
            CompressionRecipe asked,
            @Nullable CalibrationSet set,
            @Nullable ValidationSet validation,
            PerplexityCheck checking) {
        interruption.resumable("Give the same command again and it continues at the next block.");
        try (var progress = console.progress()) {
            var page = new CompressPage(opened, written -> checking.measure(written, progress));
            var job = new Compression.Job(asked, output, page);
            var unfinished = restart ? Unfinished.DISCARD : Unfinished.RESUME;
            return Compression.runAll(opened, List.of(job), set, validation, unfinished, progress)
                    .getFirst();
        } finally {
            interruption.done();
        }
    }

    /// The text of `--check`, read before the work starts.
    ///
    /// @return null when none was given
    static EvaluationTexts.@Nullable Text checkText(
            LanguageModel opened, @Nullable Path check, int window, TextRoles roles) {
        if (check == null) {
            return null;
        }
        var text = EvaluationTexts.Text.read(opened, check.toString(), check, window, 0);
        roles.take("--check", text.set().identity());
        return text;
    }

    /// Perplexity on a text that nothing was chosen by.
    ///
    /// @param text as the user named it
    /// @param before of the source
    /// @param after of the output
    /// @param increase relative
    /// @param within whether the increase is within `--max-perplexity-increase`; absent without one
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Check(
            @JsonProperty("text") String text,
            @JsonProperty("before") double before,
            @JsonProperty("after") double after,
            @JsonProperty("increase") double increase,
            @JsonProperty("within") @Nullable Boolean within) {
        static Check of(String text, double before, double after, @Nullable Double bound) {
            var increase = after / before - 1;
            return new Check(text, before, after, increase, bound == null ? null : increase <= bound);
        }

        String words() {
            return String.format(
                    Locale.ROOT,
                    "Perplexity on %s: %s before, %s after (%+.1f %%)%s%n",
                    text,
                    Figures.perplexity(before),
                    Figures.perplexity(after),
                    100 * increase,
                    Boolean.FALSE.equals(within) ? ", beyond the bound that the validation text met" : "");
        }
    }

    /// Perplexity of what was written on the text that bounded its cut.
    ///
    /// @param before of the source
    /// @param after of the output
    /// @param increase relative
    /// @param allowed the bound, relative
    /// @param rounds models that were cut and measured on the way, in order
    record Validation(
            @JsonProperty("before") double before,
            @JsonProperty("after") double after,
            @JsonProperty("increase") double increase,
            @JsonProperty("allowed") double allowed,
            @JsonProperty("rounds") List<Round> rounds) {
        /// @param kept share of the targets' cost
        /// @param tried increase that the trial of its ranks measured
        /// @param written increase of the model as written
        record Round(
                @JsonProperty("kept") double kept,
                @JsonProperty("tried") double tried,
                @JsonProperty("written") double written) {}

        static Validation of(Validated found) {
            return new Validation(
                    found.before(),
                    found.after(),
                    found.increase(),
                    found.allowed(),
                    found.rounds().stream()
                            .map(round -> new Round(round.kept(), round.tried(), round.written()))
                            .toList());
        }

        String words() {
            return String.format(
                    Locale.ROOT,
                    "Validation perplexity of what was written: %s before, %s after (%+.2f %%, allowed %+.2f %%)%n",
                    Figures.perplexity(before),
                    Figures.perplexity(after),
                    100 * increase,
                    100 * allowed);
        }
    }

    /// Refuses an allocator that measures candidates where there is no text to measure on.
    static void requireValidation(CompressionRecipe asked, @Nullable ValidationSet validation) {
        if (validation == null && asked.needsValidation()) {
            throw new CommandException(
                    ExitCode.USAGE,
                    "Choosing by perplexity needs a validation text.",
                    "Give one with --validation FILE: neither the calibration text nor one you will evaluate on.");
        }
    }

    /// Refuses a method that needs a calibration text where there is none.
    static void requireCalibration(CompressionRecipe asked, @Nullable CalibrationSet set) {
        var info = asked.method().info();
        if (set == null && asked.needsCalibration()) {
            throw new CommandException(
                    ExitCode.USAGE,
                    (info.needsCalibration()
                                    ? "The method " + asked.name()
                                    : "The allocator "
                                            + asked.allocator().info().id())
                            + " needs a calibration text.",
                    "Give one with --calibration FILE, of the kind of text that the model is for.");
        }
    }

    /// What `compress --json` prints; its keys are a contract.
    ///
    /// @param output folder written
    /// @param method method
    /// @param storage storage policy
    /// @param allocator what chose the ranks
    /// @param keep share asked for; absent with `--rank` or `--energy`
    /// @param keptTarget share kept of the target linears
    /// @param keptModel share kept of the whole model
    /// @param parametersBefore numbers before
    /// @param parametersAfter numbers after
    /// @param bytesBefore bytes of the source's weights
    /// @param bytesAfter bytes of the output's weights
    /// @param seconds where the time went
    /// @param peakMemoryBytes peak resident memory of the process
    /// @param windows how many calibration windows each part of the run saw
    /// @param sites what became of each target
    /// @param allocation what the choice of ranks has to say
    /// @param validated what was written, measured on the validation text; absent without a bound
    /// @param accuracy what `--min-accuracy` led to; absent without it
    /// @param check perplexity on a text of its own; absent without `--check`
    /// @param rounding what rounding to blocks and outliers came to; absent without `--quantize` and
    ///     `--outliers`
    /// @param warnings what to know
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Document(
            @JsonProperty("output") String output,
            @JsonProperty("method") String method,
            @JsonProperty("storage") String storage,
            @JsonProperty("allocator") String allocator,
            @JsonProperty("keep") @Nullable Double keep,
            @JsonProperty("kept_target") double keptTarget,
            @JsonProperty("kept_model") double keptModel,
            @JsonProperty("parameters_before") long parametersBefore,
            @JsonProperty("parameters_after") long parametersAfter,
            @JsonProperty("bytes_before") long bytesBefore,
            @JsonProperty("bytes_after") long bytesAfter,
            @JsonProperty("seconds") Seconds seconds,
            @JsonProperty("peak_memory_bytes") long peakMemoryBytes,
            @JsonProperty("windows") CalibrationShares windows,
            @JsonProperty("sites") List<Site> sites,
            @JsonProperty("allocation") List<String> allocation,
            @JsonProperty("validated") @Nullable Validation validated,
            @JsonProperty("accuracy") AccuracyBound.@Nullable Found accuracy,
            @JsonProperty("check") @Nullable Check check,
            @JsonProperty("rounding") @Nullable RoundingFigures rounding,
            @JsonProperty("warnings") List<String> warnings) {

        /// @param calibrate statistics
        /// @param decompose decompositions
        /// @param allocate sensitivities and the choice of ranks
        /// @param write shards and check
        /// @param total wall clock
        record Seconds(
                @JsonProperty("calibrate") double calibrate,
                @JsonProperty("decompose") double decompose,
                @JsonProperty("allocate") double allocate,
                @JsonProperty("write") double write,
                @JsonProperty("total") double total) {}

        /// @param name module path
        /// @param form storage form
        /// @param rank rank
        /// @param error relative error in the method's metric
        /// @param notes fallbacks taken
        /// @param mark what the allocator says of the site; absent for nothing
        @JsonInclude(JsonInclude.Include.NON_NULL)
        record Site(
                @JsonProperty("name") String name,
                @JsonProperty("form") String form,
                @JsonProperty("rank") int rank,
                @JsonProperty("error") double error,
                @JsonProperty("notes") List<String> notes,
                @JsonProperty("mark") @Nullable String mark) {
            static Site of(SiteReport site) {
                return new Site(site.name(), site.form(), site.rank(), site.error(), site.notes(), site.mark());
            }
        }

        static Document of(
                CompressionReport report,
                @Nullable Double keep,
                AccuracyBound.@Nullable Found accuracy,
                @Nullable Check check) {
            var seconds = report.seconds();
            return new Document(
                    report.output().toString(),
                    report.method(),
                    report.storage(),
                    report.allocator(),
                    keep,
                    report.keptTarget(),
                    report.keptModel(),
                    report.parametersBefore(),
                    report.parametersAfter(),
                    report.bytesBefore(),
                    report.bytesAfter(),
                    new Seconds(
                            seconds.calibrate(),
                            seconds.decompose(),
                            seconds.allocate(),
                            seconds.write(),
                            seconds.total()),
                    ProcessMemory.peakBytes(),
                    report.windows(),
                    report.sites().stream().map(Site::of).toList(),
                    report.allocation(),
                    report.validated() == null ? null : Validation.of(report.validated()),
                    accuracy,
                    check,
                    RoundingFigures.of(report.rounding()),
                    report.warnings());
        }

        /// The same for people.
        String text() {
            var table = Table.of("", "before", "after", "kept")
                    .row(
                            "parameters",
                            Figures.count(parametersBefore),
                            Figures.count(parametersAfter),
                            Figures.decimal(keptModel, 3))
                    .row(
                            "weight bytes",
                            Figures.bytes(bytesBefore),
                            Figures.bytes(bytesAfter),
                            Figures.decimal((double) bytesAfter / bytesBefore, 3));
            return output + ": " + method + ", stored " + storage + ", kept "
                    + Figures.decimal(keptTarget, 3) + " of the target linears\n\n" + table.render()
                    + String.format(
                            "%n%s: calibrate %s, decompose %s, allocate %s, write %s; peak memory %s%n",
                            Figures.seconds(seconds.total()),
                            Figures.seconds(seconds.calibrate()),
                            Figures.seconds(seconds.decompose()),
                            Figures.seconds(seconds.allocate()),
                            Figures.seconds(seconds.write()),
                            Figures.bytes(peakMemoryBytes))
                    + (windows.given() == 0 ? "" : windows.words() + "\n")
                    + (rounding == null ? "" : rounding.words())
                    + (validated == null ? "" : validated.words())
                    + allocation.stream().map(note -> note + "\n").collect(Collectors.joining())
                    + (accuracy == null ? "" : accuracy.words())
                    + (check == null ? "" : check.words())
                    + String.format(
                            "Report: %1$s/report.html%nNext: lowrank evaluate %1$s --text FILE, lowrank generate %1$s,"
                                    + " lowrank inspect %1$s%n",
                            output);
        }
    }
}
