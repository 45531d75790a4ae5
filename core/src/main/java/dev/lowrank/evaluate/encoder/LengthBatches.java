package dev.lowrank.evaluate.encoder;

import dev.lowrank.model.Progress;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.text.TextFrame.Framed;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/// Texts in batches of one length each, so that nothing is padded: longest first, a few thousand tokens a
/// batch. A text's result does not depend on what else is in its batch beyond the order of F32 sums.
///
/// @param texts all of them
/// @param batches places in `texts`
record LengthBatches(List<Framed> texts, List<List<Integer>> batches) {
    private static final int BATCH_TOKENS = 4096;

    static LengthBatches of(List<Framed> texts) {
        var sorted = IntStream.range(0, texts.size())
                .boxed()
                .sorted(Comparator.comparing(
                        (Integer place) -> -texts.get(place).ids().length))
                .toList();
        var batches = new ArrayList<List<Integer>>();
        var current = new ArrayList<Integer>();
        for (var place : sorted) {
            var length = texts.get(place).ids().length;
            var other = !current.isEmpty() && texts.get(current.getFirst()).ids().length != length;
            if (other || (current.size() + 1) * length > Math.max(BATCH_TOKENS, length)) {
                batches.add(List.copyOf(current));
                current.clear();
            }
            current.add(place);
        }
        if (!current.isEmpty()) {
            batches.add(List.copyOf(current));
        }
        return new LengthBatches(texts, batches);
    }

    /// Token ids of a batch.
    List<int[]> ids(List<Integer> batch) {
        return batch.stream().map(place -> texts.get(place).ids()).toList();
    }

    /// Segments of a batch.
    List<int[]> segments(List<Integer> batch) {
        return batch.stream().map(place -> texts.get(place).segments()).toList();
    }

    /// Does something with every batch, side by side, each in a scope of its own.
    ///
    /// @param phase for progress
    void each(String phase, Progress progress, Consumer<List<Integer>> work) {
        var together = 4 * Compute.threads();
        for (var first = 0; first < batches.size(); first += together) {
            progress.step(phase, first, batches.size());
            var from = first;
            Compute.each(
                    Math.min(together, batches.size() - first),
                    i -> TensorScope.tidyRun(() -> work.accept(batches.get(from + i))));
        }
        progress.step(phase, batches.size(), batches.size());
    }
}
