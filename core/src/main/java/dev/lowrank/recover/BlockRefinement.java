package dev.lowrank.recover;

import dev.lowrank.compress.HiddenStates;
import dev.lowrank.model.Angles;
import dev.lowrank.model.Embedding;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.SiteTap;
import dev.lowrank.model.TorchBlock;
import dev.lowrank.recover.BlockTraining.Streams;
import dev.lowrank.recover.RecoveryReport.BlockLoss;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleSupplier;
import java.util.function.Predicate;

/// Trains block after block against the output of the dense block on the dense path, while what flows in is
/// what the compressed model sees; both streams lie in files. A right factor that several blocks read stays
/// as it is: what one of them would gain by moving it, the others would lose unseen.
///
/// Source: AA-SVD, arXiv:2604.02119, block refinement. Deviations: the error is relative to the mean square
/// of the dense output, so that one learning rate serves all blocks, and the last block takes part.
final class BlockRefinement {
    private final Student student;
    private final LanguageModel teacher;
    private final List<int[]> windows;
    private final RecoveryRecipe recipe;
    private final TrainingState state;
    private final double until;
    private final RecoveryProgress progress;
    private final HiddenStates dense;
    private final HiddenStates seen;

    /// @param teacher of the same blocks and width
    /// @param windows what every block sees
    /// @param state of this stage
    /// @param until seconds of training at which the stage should end; infinite for no bound
    /// @param work folder of working files
    BlockRefinement(
            Student student,
            LanguageModel teacher,
            List<int[]> windows,
            RecoveryRecipe recipe,
            TrainingState state,
            double until,
            Path work,
            RecoveryProgress progress) {
        this.student = student;
        this.teacher = teacher;
        this.windows = windows;
        this.recipe = recipe;
        this.state = state;
        this.until = until;
        this.progress = progress;
        var length = windows.getFirst().length;
        this.dense = new HiddenStates(work, "dense", length, student.spec().hiddenSize());
        this.seen = new HiddenStates(work, "seen", length, student.spec().hiddenSize());
    }

    /// Trains every block that is not done yet.
    void run() {
        var blocks = student.spec().blocks().size();
        embed();
        for (var block = 0; block < blocks; block++) {
            var index = block;
            // What an earlier run has done only flows by again.
            progress.step("refine blocks", Math.max(index, state.position.block()), blocks);
            TensorScope.tidyRun(() -> {
                forward(dense, index, denseBlock(index));
                if (index >= state.position.block()) {
                    refine(index);
                    state.saveSometimes(0);
                }
                forward(seen, index, student.block(index, current(index, any -> true)));
            });
            dense.forget(index);
            seen.forget(index);
        }
        dense.forget(blocks);
        seen.forget(blocks);
        progress.step("refine blocks", blocks, blocks);
    }

    private void embed() {
        TensorScope.tidyRun(() -> {
            var ofStudent = student.view(student.matrices(), false);
            var ofTeacher = Embedding.of(teacher);
            for (var i = 0; i < windows.size(); i++) {
                var window = i;
                TensorScope.tidyRun(() -> {
                    seen.write(0, window, ofStudent.embed(windows.get(window)));
                    dense.write(0, window, ofTeacher.lookup(List.of(windows.get(window)), 0));
                });
            }
        });
    }

    private TorchBlock denseBlock(int index) {
        var block = teacher.spec().blocks().get(index);
        var loaded = TorchBlock.load(teacher.spec(), block, teacher.weights(), teacher.weights()::linear);
        teacher.weights().release(block);
        return loaded;
    }

    private void forward(HiddenStates stream, int index, TorchBlock block) {
        var angles = Angles.of(student.spec(), 0, windows.getFirst().length);
        Grad.off(() -> Compute.each(
                windows.size(),
                window -> TensorScope.tidyRun(() -> stream.write(
                        index + 1, window, block.forward(stream.read(index, window, 1), angles, null, SiteTap.NONE)))));
    }

    /// What a block trains or shares, at present values, as products need them.
    ///
    /// @param wanted names of parameters
    private Map<String, Tensor> current(int index, Predicate<String> wanted) {
        var tensors = new LinkedHashMap<String, Tensor>();
        student.parametersOf(index).forEach((name, slot) -> {
            if (wanted.test(name)) {
                var part = slot.of(state.values());
                tensors.put(name, slot.matrix() ? part.to(student.products()) : part);
            }
        });
        return tensors;
    }

    private void refine(int index) {
        var own = new LinkedHashMap<String, Tensor>();
        student.parametersOf(index).forEach((name, slot) -> {
            if (!student.shared().contains(name)) {
                own.put(name, slot.of(state.values()));
            }
        });
        var all = new ArrayList<>(state.position.blocks());
        if (!own.isEmpty()) {
            var frozen = current(index, student.shared()::contains);
            var streams = new Streams(dense, seen, windows.size(), windows.getFirst().length);
            try (var training = new BlockTraining(student, index, own, frozen, streams, recipe)) {
                var before = training.error();
                training.run(extent(index));
                var after = training.error();
                var better = after < before;
                if (better) {
                    own.forEach((name, tensor) -> tensor.copy_(training.value(name)));
                }
                all.add(new BlockLoss(index, before, better ? after : before));
            }
        }
        state.position = state.position.afterBlock(all);
    }

    /// Which share of a block's time is over; the blocks that are left share what is left of the time.
    private DoubleSupplier extent(int index) {
        var begun = state.spent();
        var time = (until - begun) / (student.spec().blocks().size() - index);
        return () -> Double.isInfinite(time) ? 0 : time <= 0 ? 1 : (state.spent() - begun) / time;
    }
}
