package dev.lowrank.app;

import dev.lowrank.recover.RecoveryRecipe;
import dev.lowrank.recover.RecoveryRecipe.Blocks;
import dev.lowrank.recover.RecoveryRecipe.Decay;
import dev.lowrank.recover.RecoveryRecipe.Extent;
import dev.lowrank.recover.RecoveryRecipe.Loss;
import dev.lowrank.recover.RecoveryRecipe.Optimisation;
import dev.lowrank.recover.RecoveryRecipe.Precision;
import dev.lowrank.recover.RecoveryRecipe.Stage;
import dev.lowrank.recover.RecoveryRecipe.Trained;
import dev.lowrank.recover.RecoveryRecipe.Validation;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// The options that say how a model is trained; their defaults are those of [RecoveryRecipe].
final class TrainingOptions {
    private static final double DEFAULT_MINUTES = 15;

    @Option(
            names = "--minutes",
            paramLabel = "M",
            description = "Training time; what a stopped run has spent counts (15, unless --steps is given).")
    private @Nullable Double minutes;

    @Option(
            names = "--steps",
            paramLabel = "N",
            description = "End-to-end steps instead of a time: the same bytes every time.")
    private @Nullable Long steps;

    @Option(
            names = "--stages",
            split = ",",
            defaultValue = "end-to-end",
            paramLabel = "STAGE",
            description = "blocks (block after block against the dense block's output), end-to-end, or both in an order"
                    + " (${DEFAULT-VALUE}).")
    private List<String> stages;

    @Option(
            names = "--train",
            defaultValue = "factors",
            description = "factors (of compressed sites, and all norms), lrc (only factors of sites that welore marked"
                    + " as low-rank components), linears (dense ones too) (${DEFAULT-VALUE}).")
    private String train;

    @Option(names = "--batch", defaultValue = "4", description = "Windows a step (${DEFAULT-VALUE}).")
    private int batch;

    @Option(
            names = "--rate",
            description = "Highest learning rate; if not given, 0.1 divided by the model's width (hidden size).")
    private @Nullable Double rate;

    @Option(
            names = "--warm-up",
            defaultValue = "0.03",
            description = "Share of the training in which the rate rises (${DEFAULT-VALUE}).")
    private double warmUp;

    @Option(
            names = "--schedule",
            defaultValue = "cosine",
            description = "How the rate falls: cosine (to a tenth) or linear (to zero) (${DEFAULT-VALUE}).")
    private String schedule;

    @Option(
            names = "--clip",
            defaultValue = "1",
            description = "Largest norm of a gradient, 0 for no bound (${DEFAULT-VALUE}).")
    private double clip;

    @Option(names = "--weight-decay", defaultValue = "0.01", description = "Of matrices (${DEFAULT-VALUE}).")
    private double weightDecay;

    @Option(
            names = "--text-weight",
            defaultValue = "0.1",
            paramLabel = "SHARE",
            description = "Weight of the text's own tokens in the loss, the teacher's predictions have the rest"
                    + " (${DEFAULT-VALUE}).")
    private double textWeight;

    @Option(
            names = "--temperature",
            defaultValue = "1",
            paramLabel = "T",
            description = "Softens the distributions that are compared (${DEFAULT-VALUE}).")
    private double temperature;

    @Option(
            names = "--teacher-top",
            defaultValue = "64",
            paramLabel = "N",
            description = "Probabilities kept of each prediction of the teacher, the others as one sum"
                    + " (${DEFAULT-VALUE}).")
    private int teacherTop;

    @Option(
            names = "--block-windows",
            defaultValue = "64",
            paramLabel = "N",
            description = "Windows that the stage blocks sees (${DEFAULT-VALUE}).")
    private int blockWindows;

    @Option(
            names = "--block-epochs",
            defaultValue = "4",
            paramLabel = "N",
            description = "How often it sees them (${DEFAULT-VALUE}).")
    private int blockEpochs;

    @Option(
            names = "--block-rate",
            defaultValue = "3e-4",
            paramLabel = "RATE",
            description = "Its highest learning rate (${DEFAULT-VALUE}).")
    private double blockRate;

    @Option(
            names = "--rounds",
            defaultValue = "10",
            paramLabel = "N",
            description = "Looks at the validation text during the training (${DEFAULT-VALUE}).")
    private int rounds;

    @Option(
            names = "--patience",
            defaultValue = "4",
            paramLabel = "N",
            description = "Stop after so many of them without a better result, 0 for never (${DEFAULT-VALUE}).")
    private int patience;

    @Option(
            names = "--precision",
            defaultValue = "auto",
            description = "Of products: f32, bf16, or auto, whichever is quicker here (${DEFAULT-VALUE}).")
    private String precision;

    @Option(
            names = "--memory",
            paramLabel = "SIZE",
            description =
                    "Memory that the training may take, e.g. 4GB or 4GiB; without it everything is kept that saves time.")
    private @Nullable String memory;

    @Option(names = "--seed", defaultValue = "0", description = "Decides the order of the text (${DEFAULT-VALUE}).")
    private long seed;

    /// The recipe.
    ///
    /// @param hiddenSize width of the model that is trained
    /// @throws CommandException with code 2 for a value out of range
    RecoveryRecipe recipe(int hiddenSize) {
        if (minutes != null && steps != null) {
            throw new CommandException(
                    ExitCode.USAGE, "--minutes and --steps both say how long to train.", "Give one of them.");
        }
        return UsageErrors.check(() -> new RecoveryRecipe(
                stages.stream().map(Stage::of).toList(),
                Trained.of(train),
                extent(),
                new Optimisation(
                        batch,
                        rate == null ? Optimisation.rate(hiddenSize) : rate,
                        warmUp,
                        Decay.of(schedule),
                        clip,
                        weightDecay),
                new Loss(textWeight, temperature, teacherTop),
                new Blocks(blockWindows, blockEpochs, blockRate),
                new Validation(rounds, patience),
                Precision.of(precision.toLowerCase(Locale.ROOT)),
                memory == null ? 0 : ByteSize.parse("--memory", memory),
                seed));
    }

    private Extent extent() {
        return steps != null
                ? new Extent.Steps(steps)
                : new Extent.Time(Duration.ofMillis((long) ((minutes == null ? DEFAULT_MINUTES : minutes) * 60_000)));
    }
}
