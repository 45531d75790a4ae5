package dev.lowrank.recover;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// What a training is asked to do; together with the model, the teacher and the texts it decides every byte
/// of the output, unless its extent is a time.
///
/// @param stages in this order
/// @param trained which tensors move
/// @param extent how long the end-to-end stage, or with a time the whole training, lasts
/// @param optimisation steps of the end-to-end stage
/// @param loss what the end-to-end stage makes small
/// @param blocks the block stage
/// @param validation when to look at the validation text and when to stop
/// @param precision element type of products
/// @param memory bytes that training may take; 0 for no bound
/// @param seed decides the order of the windows
public record RecoveryRecipe(
        List<Stage> stages,
        Trained trained,
        Extent extent,
        Optimisation optimisation,
        Loss loss,
        Blocks blocks,
        Validation validation,
        Precision precision,
        long memory,
        long seed) {

    public RecoveryRecipe {
        stages = List.copyOf(stages);
        if (stages.isEmpty() || stages.stream().distinct().count() != stages.size()) {
            throw new IllegalArgumentException("--stages must name at least one stage, and each once, but was '"
                    + stages.stream().map(Stage::id).collect(Collectors.joining(",")) + "'");
        }
        require(memory >= 0, "--memory", "at least 0", memory);
    }

    private static void require(boolean good, String option, String expected, Object found) {
        if (!good) {
            throw new IllegalArgumentException(option + " must be " + expected + ", but was " + found);
        }
    }

    private static boolean isPositive(double value) {
        return value > 0 && Double.isFinite(value);
    }

    /// The defaults.
    ///
    /// @param hiddenSize width of the model's residual stream
    public static RecoveryRecipe of(Extent extent, int hiddenSize, long seed) {
        return new RecoveryRecipe(
                List.of(Stage.END_TO_END),
                Trained.FACTORS,
                extent,
                Optimisation.of(hiddenSize),
                Loss.DEFAULT,
                Blocks.DEFAULT,
                Validation.DEFAULT,
                Precision.AUTO,
                0,
                seed);
    }

    /// Something that is trained.
    public enum Stage {
        /// Block after block against the dense block's output (AA-SVD, arXiv:2604.02119; level 2 of
        /// three-level optimisation).
        BLOCKS,
        /// The whole model against text and teacher.
        END_TO_END;

        /// Name on the command line.
        public String id() {
            return Ids.of(this);
        }

        /// Finds a stage by its name.
        ///
        /// @throws IllegalArgumentException naming the known ones
        public static Stage of(String id) {
            return Ids.find(values(), id, "stage");
        }
    }

    /// Which tensors move; embeddings and head never do.
    public enum Trained {
        /// Factors of compressed sites, their biases, and all norms.
        FACTORS,
        /// Only the factors of low-rank components: sites that an allocator marked `LRC` (WeLore,
        /// arXiv:2407.11239).
        LRC,
        /// Every linear, dense ones too, and all norms.
        LINEARS;

        /// Name on the command line.
        public String id() {
            return Ids.of(this);
        }

        /// Finds a choice by its name.
        ///
        /// @throws IllegalArgumentException naming the known ones
        public static Trained of(String id) {
            return Ids.find(values(), id, "choice of --train");
        }
    }

    /// Element type of matrix products; parameters and their moments are F32 always.
    public enum Precision {
        /// BF16 where the processor multiplies it in hardware and the model is wide enough to gain.
        AUTO,
        F32,
        BF16;

        /// Name on the command line.
        public String id() {
            return Ids.of(this);
        }

        /// Finds a precision by its name.
        ///
        /// @throws IllegalArgumentException naming the known ones
        public static Precision of(String id) {
            return Ids.find(values(), id, "precision");
        }
    }

    /// How long to train.
    public sealed interface Extent {
        /// A number of end-to-end steps, at least 1: the same bytes every time.
        record Steps(long steps) implements Extent {
            public Steps {
                require(steps >= 1, "--steps", "at least 1", steps);
            }
        }

        /// A time that all stages share; what a stopped run has spent counts.
        record Time(Duration time) implements Extent {
            public Time {
                require(time.isPositive(), "--minutes", "above 0", time.toMillis() / 60_000.0);
            }

            double seconds() {
                return time.toMillis() * 1e-3;
            }
        }
    }

    /// How the learning rate falls after its warm-up.
    public enum Decay {
        /// Half a cosine, to a tenth.
        COSINE,
        /// A straight line to zero.
        LINEAR;

        /// Name on the command line.
        public String id() {
            return Ids.of(this);
        }

        /// Finds a rule by its name.
        ///
        /// @throws IllegalArgumentException naming the known ones
        public static Decay of(String id) {
            return Ids.find(values(), id, "schedule");
        }
    }

    /// Steps of AdamW.
    ///
    /// @param batch windows a step
    /// @param rate highest learning rate
    /// @param warmUp share of the training in which it rises from zero
    /// @param decay how it falls after that
    /// @param clip largest norm of a gradient; 0 for no bound
    /// @param weightDecay of matrices
    public record Optimisation(int batch, double rate, double warmUp, Decay decay, double clip, double weightDecay) {
        private static final double RATE_TIMES_WIDTH = 0.1;

        /// A rate that suits a width: the wider a model, the more its outputs change with each weight
        /// (decision 14).
        ///
        /// @param hiddenSize width of the residual stream
        public static double rate(int hiddenSize) {
            return RATE_TIMES_WIDTH / hiddenSize;
        }

        /// The defaults.
        ///
        /// @param hiddenSize width of the residual stream
        public static Optimisation of(int hiddenSize) {
            return new Optimisation(4, rate(hiddenSize), 0.03, Decay.COSINE, 1, 0.01);
        }

        public Optimisation {
            require(batch >= 1, "--batch", "at least 1", batch);
            require(isPositive(rate), "--rate", "a number above 0", rate);
            require(warmUp >= 0 && warmUp < 1, "--warm-up", "in [0, 1)", warmUp);
            require(clip >= 0, "--clip", "at least 0", clip);
            require(
                    weightDecay >= 0 && rate * weightDecay < 1,
                    "--weight-decay",
                    "at least 0 and below 1 / --rate",
                    weightDecay);
        }

        /// The learning rate.
        ///
        /// @param progress share of the training that is done, in [0, 1]
        double rate(double progress) {
            if (progress < warmUp) {
                return rate * Math.max(progress / warmUp, 1e-3);
            }
            var done = Math.min(1, (progress - warmUp) / (1 - warmUp));
            return switch (decay) {
                case COSINE -> rate * (0.1 + 0.9 * (1 + Math.cos(Math.PI * done)) / 2);
                case LINEAR -> rate * (1 - done);
            };
        }
    }

    /// What the end-to-end stage makes small: `text · cross-entropy + (1 − text) · T² · KL(teacher ‖
    /// student)` with both distributions softened by `T`; cross-entropy alone without a teacher.
    ///
    /// Source: Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, arXiv:1503.02531,
    /// section 2. Deviation: of the teacher's distribution the largest probabilities are kept one by one,
    /// and the others' sum as one more class.
    ///
    /// @param text weight of the text, in [0, 1]
    /// @param temperature T
    /// @param top how many probabilities of the teacher are kept
    public record Loss(double text, double temperature, int top) {
        public static final Loss DEFAULT = new Loss(0.1, 1, 64);

        public Loss {
            require(text >= 0 && text <= 1, "--text-weight", "in [0, 1]", text);
            require(isPositive(temperature), "--temperature", "a number above 0", temperature);
            require(top >= 1, "--teacher-top", "at least 1", top);
        }
    }

    /// The block stage.
    ///
    /// @param windows how many windows of the text each block sees
    /// @param epochs how often
    /// @param rate highest learning rate
    public record Blocks(int windows, int epochs, double rate) {
        public static final Blocks DEFAULT = new Blocks(64, 4, 3e-4);

        public Blocks {
            require(windows >= 1, "--block-windows", "at least 1", windows);
            require(epochs >= 1, "--block-epochs", "at least 1", epochs);
            require(isPositive(rate), "--block-rate", "a number above 0", rate);
        }
    }

    /// When to look at the validation text.
    ///
    /// @param rounds how often in the end-to-end stage, its end included
    /// @param patience rounds without a better result after which it stops; 0 for never
    public record Validation(int rounds, int patience) {
        public static final Validation DEFAULT = new Validation(10, 4);

        public Validation {
            require(rounds >= 1, "--rounds", "at least 1", rounds);
            require(patience >= 0, "--patience", "at least 0", patience);
        }
    }

    /// Names of constants on the command line.
    private static final class Ids {
        private Ids() {}

        static String of(Enum<?> constant) {
            return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
        }

        static <E extends Enum<E>> E find(E[] values, String id, String what) {
            return Arrays.stream(values)
                    .filter(value -> of(value).equals(id))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("Unknown " + what + " '" + id + "'; known: "
                            + Arrays.stream(values).map(Ids::of).collect(Collectors.joining(", "))));
        }
    }
}
