package dev.lowrank.recover;

import dev.lowrank.compress.HiddenStates;
import dev.lowrank.model.Angles;
import dev.lowrank.model.SiteTap;
import dev.lowrank.model.TorchBlock;
import dev.lowrank.recover.RecoveryRecipe.Decay;
import dev.lowrank.recover.RecoveryRecipe.Optimisation;
import dev.lowrank.tensor.AdamW;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/// Trains a copy of one block's parameters until its output, on what the compressed model sees, is near the
/// dense block's on the dense path.
final class BlockTraining implements AutoCloseable {
    private static final double WARM_UP = 0.1;
    private static final double BETA1 = 0.9;
    private static final double BETA2 = 0.95;

    private final Student student;
    private final int index;
    private final Map<String, Tensor> frozen;
    private final Streams streams;
    private final RecoveryRecipe recipe;
    private final TensorStore store;
    private final Parameters own;

    /// What flows through the blocks, in files.
    ///
    /// @param dense between the teacher's blocks
    /// @param seen between the student's
    /// @param windows in either
    /// @param length tokens in a window
    record Streams(HiddenStates dense, HiddenStates seen, int windows, int length) {}

    /// Makes the copy; nothing outside it moves.
    ///
    /// @param index of the block
    /// @param moving what moves, by name; copied
    /// @param frozen what else the student holds as parameters of this block, as products need them;
    ///     borrowed
    /// @param streams the block's input in `seen`, the dense block's output in `dense`
    BlockTraining(
            Student student,
            int index,
            Map<String, Tensor> moving,
            Map<String, Tensor> frozen,
            Streams streams,
            RecoveryRecipe recipe) {
        this.student = student;
        this.index = index;
        this.frozen = frozen;
        this.streams = streams;
        this.recipe = recipe;
        this.store = new TensorStore("what block " + index + " trains");
        this.own = new Parameters(moving, store);
    }

    /// The parameter's present value, borrowed.
    Tensor value(String name) {
        return slot(name).of(own.values());
    }

    private Parameters.Slot slot(String name) {
        return Objects.requireNonNull(own.slots().get(name), name);
    }

    /// Trains.
    ///
    /// @param over which share of the time is over; always 0 where time is no matter
    void run(DoubleSupplier over) {
        var batch = Math.min(recipe.optimisation().batch(), streams.windows());
        var shares = Math.min(Compute.threads(), batch);
        var sums = new ArrayList<Tensor>();
        for (var share = 0; share < shares; share++) {
            sums.add(store.keep(own.zeros()));
        }
        var mean = store.keep(own.zeros());
        var square = store.keep(own.zeros());
        var adam = new AdamW(BETA1, BETA2, 1e-8, recipe.optimisation().weightDecay());
        var schedule = new Optimisation(1, recipe.blocks().rate(), WARM_UP, Decay.COSINE, 0, 0);
        var perEpoch = Math.ceilDiv(streams.windows(), batch);
        var steps = (long) perEpoch * recipe.blocks().epochs();
        for (var step = 0L; step < steps; step++) {
            var done = Math.max((double) step / steps, over.getAsDouble());
            if (done >= 1) {
                break;
            }
            var order = order(step / perEpoch);
            var first = (int) (step % perEpoch) * batch;
            var number = step + 1;
            var where = "step " + number + " of block " + index;
            var chosen = order.subList(first, Math.min(first + batch, order.size()));
            TensorScope.tidyRun(() -> {
                gradient(chosen, sums);
                EndToEnd.clip(sums.getFirst(), recipe.optimisation().clip(), where, "--block-rate", own);
                adam.step(own.values(), sums.getFirst(), mean, square, own.decayed(), number, schedule.rate(done));
            });
        }
    }

    private List<Integer> order(long epoch) {
        var random = new SplittableRandom(recipe.seed() + 7919L * index + 104_729L * epoch);
        var order = new ArrayList<Integer>();
        for (var i = 0; i < streams.windows(); i++) {
            order.add(random.nextInt(i + 1), i);
        }
        return order;
    }

    /// The gradient of the mean relative error of some windows, left in the first of the sums.
    private void gradient(List<Integer> chosen, List<Tensor> sums) {
        var angles = angles();
        var shares = Math.min(sums.size(), chosen.size());
        var matrices = matrices();
        Compute.each(
                shares,
                share -> TensorScope.tidyRun(() -> {
                    var sum = sums.get(share).fill_(0);
                    var leaves = new LinkedHashMap<String, Tensor>();
                    present(matrices).forEach((name, tensor) -> leaves.put(name, Grad.leaf(tensor)));
                    var block = block(leaves);
                    for (var i = share; i < chosen.size(); i += shares) {
                        var window = chosen.get(i);
                        TensorScope.tidyRun(() -> add(block, leaves, window, angles, sum));
                    }
                }));
        for (var share = 1; share < shares; share++) {
            sums.getFirst().add_(sums.get(share));
        }
        sums.getFirst().mul_(1.0 / chosen.size());
    }

    /// Adds the gradient of one window's relative error.
    private void add(TorchBlock block, Map<String, Tensor> leaves, int window, @Nullable Angles angles, Tensor sum) {
        var target = streams.dense().read(index + 1, window, 1);
        var input = streams.seen().read(index, window, 1);
        var output = Grad.on(() -> block.forward(input, angles, null, SiteTap.NONE));
        var scale = 2 / target.square().sum().item();
        var seed = Grad.detached(output).sub(target).mul_(scale);
        var names = List.copyOf(leaves.keySet());
        var found = Grad.of(output, seed, List.copyOf(leaves.values()));
        for (var i = 0; i < names.size(); i++) {
            slot(names.get(i)).of(sum).add_(found.get(i).to(DType.F32));
        }
    }

    /// Mean over the windows of the square error over the square of the dense output.
    double error() {
        return Grad.off(() -> TensorScope.tidy(() -> {
            var angles = angles();
            var block = block(present(matrices()));
            var errors = new double[streams.windows()];
            Compute.each(
                    errors.length,
                    window -> TensorScope.tidyRun(() -> {
                        var target = streams.dense().read(index + 1, window, 1);
                        var output = block.forward(streams.seen().read(index, window, 1), angles, null, SiteTap.NONE);
                        errors[window] = output.sub(target).square().sum().item()
                                / target.square().sum().item();
                    }));
            return Arrays.stream(errors).sum() / errors.length;
        }));
    }

    private @Nullable Angles angles() {
        return Angles.of(student.spec(), 0, streams.length());
    }

    private TorchBlock block(Map<String, Tensor> moving) {
        var tensors = new LinkedHashMap<>(frozen);
        tensors.putAll(moving);
        return student.block(index, tensors);
    }

    private Tensor matrices() {
        return own.values().narrow(0, 0, own.decayed()).to(student.products());
    }

    /// What moves at its present values, by name, as products need it.
    private Map<String, Tensor> present(Tensor matrices) {
        var tensors = new LinkedHashMap<String, Tensor>();
        own.slots().forEach((name, slot) -> tensors.put(name, slot.of(slot.matrix() ? matrices : own.values())));
        return tensors;
    }

    @Override
    public void close() {
        store.close();
    }
}
