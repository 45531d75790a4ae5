package dev.lowrank.compress;

import dev.lowrank.compress.method.BlockRemoval;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.tensor.TensorScope;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import tools.jackson.databind.json.JsonMapper;

/// Measures what blocks do, one block of weights in memory at a time. What was measured is kept in files,
/// so that a run that is continued need not measure again.
///
/// @param removable blocks that may go
/// @param windows of which influences are taken
/// @param judged windows that losses are measured on
/// @param work folder of working files
record MeasuredDepth(
        LanguageModel source,
        List<Integer> removable,
        List<int[]> windows,
        List<int[]> judged,
        Path work,
        Progress progress)
        implements BlockRemoval.Depth {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    /// What a file holds of one round.
    ///
    /// @param removed blocks that were gone
    /// @param losses by candidate
    record Round(List<Integer> removed, Map<Integer, Double> losses) {}

    private int blocks() {
        return source.spec().blocks().size();
    }

    @Override
    public double[] influence() {
        return BlockInfluences.measure(source, windows, work, progress);
    }

    @Override
    public Map<Integer, Double> losses(List<Integer> removed, List<Integer> candidates) {
        var file = work.resolve(String.format(Locale.ROOT, "round-%05d.json", removed.size()));
        var before = WorkFiles.json(file);
        if (before != null) {
            var round = JSON.treeToValue(before, Round.class);
            if (round.removed().equals(removed) && round.losses().keySet().containsAll(candidates)) {
                return round.losses();
            }
        }
        var found = measure(removed, candidates);
        WorkFiles.write(file, JSON.writeValueAsBytes(new Round(removed, found)));
        return found;
    }

    /// All candidates side by side: each has a stream of its own from the block on that it leaves out.
    private Map<Integer, Double> measure(List<Integer> removed, List<Integer> candidates) {
        var alive = IntStream.range(0, blocks())
                .filter(block -> !removed.contains(block))
                .boxed()
                .toList();
        var all = new CalibrationStream(source, judged, work, "without");
        var trials = new LinkedHashMap<Integer, CalibrationStream>();
        all.embed();
        for (var place = 0; place < alive.size(); place++) {
            progress.step("remove " + (removed.size() + 1), place, alive.size());
            step(alive.get(place), place, all, trials, candidates);
        }
        progress.step("remove " + (removed.size() + 1), alive.size(), alive.size());
        all.hidden().forget(alive.size());
        var losses = new TreeMap<Integer, Double>();
        try (var decoder = TorchDecoder.load(source, Residency.STREAMED)) {
            trials.forEach((candidate, stream) -> {
                losses.put(candidate, WindowLoss.mean(decoder, stream.hidden(), alive.size(), judged));
                stream.hidden().forget(alive.size());
            });
        }
        return losses;
    }

    /// Takes every stream through a block, or past it.
    private void step(
            int index,
            int place,
            CalibrationStream all,
            Map<Integer, CalibrationStream> trials,
            List<Integer> candidates) {
        var block = SourceBlock.of(source, source.spec().blocks().get(index));
        TensorScope.tidyRun(() -> {
            var loaded = block.load();
            for (var trial : trials.values()) {
                trial.forward(place, loaded);
                trial.hidden().forget(place);
            }
            all.forward(place, loaded);
        });
        if (candidates.contains(index)) {
            var trial = new CalibrationStream(source, judged, work, "without-" + index);
            trial.eachBatch((share, batch) -> trial.hidden()
                    .write(place + 1, batch.first(), all.hidden().read(place, batch.first(), batch.count())));
            trials.put(index, trial);
        }
        all.hidden().forget(place);
        block.release();
    }
}
