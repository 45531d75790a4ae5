package dev.lowrank.recover;

import dev.lowrank.checkpoint.SafetensorsFile;
import dev.lowrank.checkpoint.SafetensorsWriter;
import dev.lowrank.compress.WorkFiles;
import dev.lowrank.recover.Gradients.Losses;
import dev.lowrank.recover.RecoveryReport.BlockLoss;
import dev.lowrank.recover.RecoveryReport.Round;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/// What survives a kill: the parameters, the optimiser's moments and the best state so far, and where the
/// training stands. Two files of tensors take turns; a small file names the newer one and its checksum.
final class TrainingState implements AutoCloseable {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    /// Saving may take this share of the time.
    private static final double SAVING_SHARE = 0.05;

    private final Path work;
    private final TensorStore store = new TensorStore("the state of a training");
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();
    private long saved;
    private double spentBefore;
    private long started = System.nanoTime();
    private double savedAt;
    private double savingSeconds;

    /// Where the training stands.
    Position position = Position.START;

    /// Where a training stands; everything about it besides tensors.
    ///
    /// @param stage index of the stage in the recipe
    /// @param stageStart seconds that were spent when the stage began
    /// @param block first block that the block stage has not finished
    /// @param step steps of this stage that are done
    /// @param recent losses since the last round
    /// @param due rounds that were due by the last one
    /// @param best what the rounds of this stage showed
    /// @param ended how the end-to-end stage ended
    record Position(
            int stage,
            double stageStart,
            int block,
            long step,
            Recent recent,
            int due,
            Best best,
            Ended ended,
            List<Round> rounds,
            List<BlockLoss> blocks) {
        static final Position START =
                new Position(0, 0, 0, 0, Recent.NONE, 0, Best.NONE, new Ended(0, 0, false), List.of(), List.of());

        Position {
            rounds = List.copyOf(rounds);
            blocks = List.copyOf(blocks);
        }

        /// @param now seconds spent
        Position nextStage(double now, Ended last) {
            return new Position(stage + 1, now, 0, 0, Recent.NONE, 0, Best.NONE, last, rounds, blocks);
        }

        Position afterBlock(List<BlockLoss> all) {
            return new Position(stage, stageStart, block + 1, step, recent, due, best, ended, rounds, all);
        }

        Position afterStep(Losses losses) {
            var sum = new Recent(recent.sum().plus(losses), recent.steps() + 1);
            return new Position(stage, stageStart, block, step + 1, sum, due, best, ended, rounds, blocks);
        }

        Position afterRound(List<Round> all, int dueNow, Best bestNow) {
            return new Position(stage, stageStart, block, step, Recent.NONE, dueNow, bestNow, ended, all, blocks);
        }
    }

    /// Losses of some steps.
    ///
    /// @param sum over the steps
    record Recent(Losses sum, long steps) {
        static final Recent NONE = new Recent(Losses.NONE, 0);

        Losses mean() {
            return sum.over((double) Math.max(1, steps));
        }
    }

    /// The best state so far.
    ///
    /// @param step at which it was found; -1 before the first round
    /// @param loss on the validation text, nats a token
    /// @param waited rounds since
    /// @param stopped whether that was too many
    record Best(long step, double loss, int waited, boolean stopped) {
        static final Best NONE = new Best(-1, Double.MAX_VALUE, 0, false);

        /// @param patience rounds without a better state after which to stop; 0 for never
        Best after(long now, double found, int patience) {
            return found < loss
                    ? new Best(now, found, 0, false)
                    : new Best(step, loss, waited + 1, patience > 0 && waited + 1 >= patience);
        }
    }

    /// How the end-to-end stage ended; zeros before.
    record Ended(long steps, long bestStep, boolean stopped) {}

    private record Journal(Position position, String file, long checksum, long saved, double spent) {}

    /// @param work folder of working files
    /// @param values the parameters, borrowed
    /// @param keepsBest whether the best state is kept beside the present one
    TrainingState(Path work, Tensor values, boolean keepsBest) {
        this.work = work;
        tensors.put("values", values);
        TensorScope.tidyRun(() -> {
            tensors.put("mean", store.keep(Tensors.zeros(DType.F32, values.elements())));
            tensors.put("square", store.keep(Tensors.zeros(DType.F32, values.elements())));
            if (keepsBest) {
                tensors.put("best", store.keep(values.copy()));
            }
        });
    }

    Tensor values() {
        return get("values");
    }

    /// The optimiser's first moment.
    Tensor mean() {
        return get("mean");
    }

    /// The optimiser's second moment.
    Tensor square() {
        return get("square");
    }

    /// The parameters of the best round.
    Tensor best() {
        return get("best");
    }

    private Tensor get(String name) {
        var found = tensors.get(name);
        if (found == null) {
            throw new IllegalStateException("This training keeps no tensor '" + name + "'");
        }
        return found;
    }

    /// Seconds of training, those of stopped runs included.
    double spent() {
        return spentBefore + (System.nanoTime() - started) * 1e-9;
    }

    /// Takes up the last saved state, if there is a whole one.
    void restore() {
        started = System.nanoTime();
        var node = WorkFiles.json(work.resolve("training.json"));
        if (node == null) {
            return;
        }
        Journal journal;
        try {
            journal = JSON.treeToValue(node, Journal.class);
        } catch (JacksonException torn) {
            return;
        }
        var file = work.resolve(journal.file());
        if (WorkFiles.checksum(file) != journal.checksum()) {
            return;
        }
        try (var stored = SafetensorsFile.open(file)) {
            tensors.forEach(
                    (name, tensor) -> TensorScope.tidyRun(() -> tensor.copy_(Tensors.from(stored.tensor(name)))));
        }
        position = journal.position();
        saved = journal.saved();
        spentBefore = journal.spent();
        savedAt = spentBefore;
    }

    /// Saves if the last time is long enough ago for what saving takes.
    ///
    /// @param least seconds since the last time before which it is not worth while
    void saveSometimes(double least) {
        if (spent() - savedAt >= Math.max(least, savingSeconds / SAVING_SHARE)) {
            save();
        }
    }

    /// Saves the state.
    void save() {
        var begun = System.nanoTime();
        var name = "training-" + (saved + 1) % 2 + ".safetensors";
        var file = work.resolve(name);
        var entries = tensors.entrySet().stream()
                .map(each -> new SafetensorsWriter.Entry(
                        each.getKey(), DType.F32, each.getValue().shape()))
                .toList();
        try (var writer = SafetensorsWriter.create(file, entries, Map.of())) {
            tensors.forEach((key, tensor) -> {
                try (var arena = Arena.ofConfined()) {
                    writer.write(key, tensor.toHost(DType.F32, arena));
                }
            });
            writer.finish();
        }
        saved++;
        var journal = new Journal(position, name, WorkFiles.checksum(file), saved, spent());
        WorkFiles.write(work.resolve("training.json"), JSON.writeValueAsBytes(journal));
        savedAt = spent();
        savingSeconds = (System.nanoTime() - begun) * 1e-9;
    }

    @Override
    public void close() {
        store.close();
    }
}
