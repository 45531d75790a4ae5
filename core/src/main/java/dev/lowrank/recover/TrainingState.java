package dev.lowrank.recover;

import dev.lowrank.checkpoint.SafetensorsFile;
import dev.lowrank.checkpoint.SafetensorsWriter;
import dev.lowrank.compress.WorkFiles;
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

    private static final double LEAST_SECONDS = 20;

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
    /// @param block first block that the block stage has not finished
    /// @param step steps of this stage that are done
    /// @param stageStart seconds that were spent when the stage began
    /// @param bestStep step of the best state
    /// @param best its validation loss, nats a token; the largest number before the first round
    /// @param waited rounds since the best one
    /// @param stopped whether the validation text stopped the stage
    /// @param crossEntropy sum over the steps since the last round
    /// @param divergence the same
    /// @param summed how many steps those are
    record Position(
            int stage,
            int block,
            long step,
            double stageStart,
            long bestStep,
            double best,
            int waited,
            boolean stopped,
            double crossEntropy,
            double divergence,
            long summed,
            List<Round> rounds,
            List<BlockLoss> blocks) {
        static final Position START =
                new Position(0, 0, 0, 0, 0, Double.MAX_VALUE, 0, false, 0, 0, 0, List.of(), List.of());

        Position {
            rounds = List.copyOf(rounds);
            blocks = List.copyOf(blocks);
        }

        Position nextStage(double now) {
            return new Position(stage + 1, 0, 0, now, 0, Double.MAX_VALUE, 0, false, 0, 0, 0, rounds, blocks);
        }

        Position afterBlock(List<BlockLoss> all) {
            return new Position(stage, block + 1, 0, stageStart, 0, Double.MAX_VALUE, 0, false, 0, 0, 0, rounds, all);
        }

        Position afterStep(Gradients.Losses losses) {
            return new Position(
                    stage,
                    block,
                    step + 1,
                    stageStart,
                    bestStep,
                    best,
                    waited,
                    stopped,
                    crossEntropy + losses.crossEntropy(),
                    divergence + losses.divergence(),
                    summed + 1,
                    rounds,
                    blocks);
        }

        Position afterRound(List<Round> all, double loss, boolean better, boolean ends) {
            return new Position(
                    stage,
                    block,
                    step,
                    stageStart,
                    better ? step : bestStep,
                    better ? loss : best,
                    better ? 0 : waited + 1,
                    ends,
                    0,
                    0,
                    0,
                    all,
                    blocks);
        }
    }

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
    void saveSometimes() {
        var due = Math.max(LEAST_SECONDS, savingSeconds / SAVING_SHARE);
        if (spent() - savedAt >= due) {
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
