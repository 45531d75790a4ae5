package dev.lowrank.recover;

import dev.lowrank.compress.HiddenStates;
import dev.lowrank.model.Embedding;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.SiteTap;
import dev.lowrank.model.TorchBlock;
import dev.lowrank.recover.RecoveryReport.BlockLoss;
import dev.lowrank.tensor.AdamW;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/// Trains block after block against the output of the dense block on the dense path, while what flows in is
/// what the compressed model sees; both streams lie in files. A right factor that several blocks read stays
/// as it is: what one of them would gain by moving it, the others would lose unseen.
///
/// Source: AA-SVD, arXiv:2604.02119, block refinement. Deviations: the error is relative to the mean square
/// of the dense output, so that one learning rate serves all blocks, and the last block takes part.
final class BlockRefinement {
    private static final double WARM_UP = 0.1;
    private static final double BETA1 = 0.9;
    private static final double BETA2 = 0.95;

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
            progress.step("refine blocks", index, blocks);
            TensorScope.tidyRun(() -> {
                forward(dense, index, denseBlock(index));
                if (index >= state.position.block()) {
                    refine(index);
                    state.save();
                }
                forward(seen, index, student.block(index, current(index)));
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
        var angles = angles();
        Grad.off(() -> Compute.each(
                windows.size(),
                window -> TensorScope.tidyRun(() -> stream.write(
                        index + 1, window, block.forward(stream.read(index, window, 1), angles, null, SiteTap.NONE)))));
    }

    private TorchBlock.@Nullable Angles angles() {
        return TorchBlock.Angles.of(student.spec(), 0, windows.getFirst().length);
    }

    /// The block's trained tensors at their present values, as products need them.
    private Map<String, Tensor> current(int index) {
        var tensors = new LinkedHashMap<String, Tensor>();
        student.parametersOf(index).forEach((name, slot) -> tensors.put(name, current(slot)));
        return tensors;
    }

    private Tensor current(Parameters.Slot slot) {
        var part = slot.of(state.values());
        return slot.matrix() ? part.to(student.products()) : part;
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
            try (var store = new TensorStore("what block " + index + " trains")) {
                var local = new Parameters(own, store);
                var before = error(index, local);
                train(index, local, store);
                var after = error(index, local);
                var better = after < before;
                if (better) {
                    own.forEach((name, tensor) -> tensor.copy_(
                            Objects.requireNonNull(local.slots().get(name)).of(local.values())));
                }
                all.add(new BlockLoss(index, before, better ? after : before));
            }
        }
        state.position = state.position.afterBlock(all);
    }

    private void train(int index, Parameters local, TensorStore store) {
        var shares = Math.min(
                Compute.threads(),
                Math.min(windows.size(), recipe.optimisation().batch()));
        var sums = new ArrayList<Tensor>();
        for (var share = 0; share < shares; share++) {
            sums.add(store.keep(local.zeros()));
        }
        var mean = store.keep(local.zeros());
        var square = store.keep(local.zeros());
        var adam = new AdamW(BETA1, BETA2, 1e-8, recipe.optimisation().weightDecay());
        var batch = Math.min(recipe.optimisation().batch(), windows.size());
        var perEpoch = Math.ceilDiv(windows.size(), batch);
        var steps = (long) perEpoch * recipe.blocks().epochs();
        var begun = state.spent();
        var ends = begun + (until - begun) / (student.spec().blocks().size() - index);
        for (var step = 0L; step < steps; step++) {
            var done = Math.max((double) step / steps, share(begun, ends));
            if (done >= 1) {
                break;
            }
            var order = order(index, step / perEpoch);
            var first = (int) (step % perEpoch) * batch;
            var number = step + 1;
            var chosen = order.subList(first, Math.min(first + batch, order.size()));
            TensorScope.tidyRun(() -> {
                gradient(index, local, chosen, sums);
                EndToEnd.clip(sums.getFirst(), recipe.optimisation().clip(), number, local);
                adam.step(local.values(), sums.getFirst(), mean, square, local.decayed(), number, rate(done));
            });
        }
    }

    private double share(double begun, double ends) {
        return Double.isInfinite(ends) ? 0 : ends <= begun ? 1 : (state.spent() - begun) / (ends - begun);
    }

    private double rate(double done) {
        return new RecoveryRecipe.Optimisation(1, recipe.blocks().rate(), WARM_UP, RecoveryRecipe.Decay.COSINE, 0, 0)
                .rate(done);
    }

    private List<Integer> order(int index, long epoch) {
        var random = new SplittableRandom(recipe.seed() + 7919L * index + 104_729L * epoch);
        var order = new ArrayList<Integer>();
        for (var i = 0; i < windows.size(); i++) {
            order.add(random.nextInt(i + 1), i);
        }
        return order;
    }

    private void gradient(int index, Parameters local, List<Integer> chosen, List<Tensor> sums) {
        var angles = angles();
        var shares = Math.min(sums.size(), chosen.size());
        var matrices = matrices(local);
        Compute.each(
                shares,
                share -> TensorScope.tidyRun(() -> {
                    var sum = sums.get(share).fill_(0);
                    var leaves = moving(local, matrices, true);
                    var block = block(index, leaves);
                    for (var i = share; i < chosen.size(); i += shares) {
                        var window = chosen.get(i);
                        TensorScope.tidyRun(() -> add(index, block, leaves, window, angles, local, sum));
                    }
                }));
        for (var share = 1; share < shares; share++) {
            sums.getFirst().add_(sums.get(share));
        }
        sums.getFirst().mul_(1.0 / chosen.size());
    }

    /// Adds the gradient of one window's relative error.
    private void add(
            int index,
            TorchBlock block,
            Map<String, Tensor> leaves,
            int window,
            TorchBlock.@Nullable Angles angles,
            Parameters local,
            Tensor sum) {
        var target = dense.read(index + 1, window, 1);
        var input = seen.read(index, window, 1);
        var output = Grad.on(() -> block.forward(input, angles, null, SiteTap.NONE));
        var scale = 2 / target.square().sum().item();
        var seed = Grad.detached(output).sub(target).mul_(scale);
        var found = Grad.of(output, seed, List.copyOf(leaves.values()));
        var names = List.copyOf(leaves.keySet());
        for (var i = 0; i < names.size(); i++) {
            Objects.requireNonNull(local.slots().get(names.get(i)))
                    .of(sum)
                    .add_(found.get(i).to(DType.F32));
        }
    }

    private Tensor matrices(Parameters local) {
        return local.values().narrow(0, 0, local.decayed()).to(student.products());
    }

    /// The block with what moves in place; shared factors are at their present values.
    private TorchBlock block(int index, Map<String, Tensor> moving) {
        var tensors = new LinkedHashMap<>(moving);
        student.parametersOf(index).forEach((name, slot) -> {
            if (student.shared().contains(name)) {
                tensors.put(name, current(slot));
            }
        });
        return student.block(index, tensors);
    }

    /// The parameters that move, by name.
    private static Map<String, Tensor> moving(Parameters local, Tensor matrices, boolean leaves) {
        var tensors = new LinkedHashMap<String, Tensor>();
        local.slots().forEach((name, slot) -> {
            var part = slot.of(slot.matrix() ? matrices : local.values());
            tensors.put(name, leaves ? Grad.leaf(part) : part);
        });
        return tensors;
    }

    /// Mean over the windows of the square error over the square of the dense output.
    private double error(int index, Parameters local) {
        return Grad.off(() -> TensorScope.tidy(() -> {
            var angles = angles();
            var block = block(index, moving(local, matrices(local), false));
            var errors = new double[windows.size()];
            Compute.each(
                    windows.size(),
                    window -> TensorScope.tidyRun(() -> {
                        var target = dense.read(index + 1, window, 1);
                        var output = block.forward(seen.read(index, window, 1), angles, null, SiteTap.NONE);
                        errors[window] = output.sub(target).square().sum().item()
                                / target.square().sum().item();
                    }));
            var sum = 0.0;
            for (var error : errors) {
                sum += error;
            }
            return sum / errors.length;
        }));
    }
}
