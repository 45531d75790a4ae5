package dev.lowrank.recover;

import dev.lowrank.model.Angles;
import dev.lowrank.recover.BatchOrder.Window;
import dev.lowrank.recover.TeacherTargets.Top;
import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.TensorStore;
import dev.lowrank.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The gradient of the loss of a batch by all parameters. Threads take windows in a fixed way and sum for
/// themselves; their sums are added in a fixed order.
///
/// Of a window only what flows into each segment of blocks is kept; a segment is run again for its backward
/// pass. With one segment nothing is run twice and every activation is kept.
final class Gradients implements AutoCloseable {
    /// Vocabulary-wide numbers that one thread holds at once, if that is at least 128 rows.
    private static final int HEAD_NUMBERS = 1 << 19;

    private static final int LEAST_ROWS = 128;

    private final Student student;
    private final @Nullable TeacherTargets teacher;
    private final RecoveryRecipe.Loss loss;
    private final int segment;
    private final TensorStore store = new TensorStore("sums of gradients");
    private final List<Tensor> sums = new ArrayList<>();

    /// @param teacher null to train on the text alone
    /// @param segment blocks whose activations are kept at once
    /// @param shares threads that share a batch
    Gradients(Student student, @Nullable TeacherTargets teacher, RecoveryRecipe.Loss loss, int segment, int shares) {
        this.student = student;
        this.teacher = teacher;
        this.loss = loss;
        this.segment = segment;
        TensorScope.tidyRun(() -> {
            for (var share = 0; share < shares; share++) {
                sums.add(store.keep(student.parameters().zeros()));
            }
        });
    }

    /// What a batch costs.
    ///
    /// @param crossEntropy nats a token
    /// @param divergence nats a token; 0 without a teacher
    record Losses(double crossEntropy, double divergence) {
        static final Losses NONE = new Losses(0, 0);

        Losses plus(Losses other) {
            return new Losses(crossEntropy + other.crossEntropy, divergence + other.divergence);
        }

        Losses over(double count) {
            return new Losses(crossEntropy / count, divergence / count);
        }
    }

    /// The gradient of the mean loss of a batch, left in [#total].
    Losses of(List<Window> batch) {
        if (teacher != null) {
            teacher.prepare(batch);
        }
        var shares = Math.min(sums.size(), batch.size());
        var losses = new Losses[shares];
        TensorScope.tidyRun(() -> {
            var matrices = student.matrices();
            Compute.each(
                    shares,
                    share -> TensorScope.tidyRun(() -> {
                        var sum = sums.get(share).fill_(0);
                        var view = student.view(matrices, true);
                        var own = Losses.NONE;
                        for (var i = share; i < batch.size(); i += shares) {
                            var window = batch.get(i);
                            own = own.plus(TensorScope.tidy(() -> of(view, window, sum)));
                        }
                        losses[share] = own;
                    }));
        });
        var tokens =
                batch.stream().mapToLong(window -> window.tokens().length - 1L).sum();
        var all = Losses.NONE;
        for (var share = 0; share < shares; share++) {
            all = all.plus(Objects.requireNonNull(losses[share]));
            if (share > 0) {
                total().add_(sums.get(share));
            }
        }
        total().mul_(1.0 / tokens);
        return all.over((double) tokens);
    }

    /// The gradient of the last batch, flat, F32.
    Tensor total() {
        return sums.getFirst();
    }

    private Losses of(Student.View view, Window window, Tensor sum) {
        var tokens = window.tokens();
        var angles = Angles.of(student.spec(), 0, tokens.length);
        var blocks = student.spec().blocks().size();
        var inputs = new ArrayList<Tensor>();
        inputs.add(view.embed(tokens));
        var last = (blocks - 1) / segment;
        for (var i = 0; i < last; i++) {
            var input = inputs.get(i);
            var from = i * segment;
            inputs.add(Grad.off(() -> TensorScope.tidy(() -> view.run(from, from + segment, input, angles))));
        }
        var losses = Losses.NONE;
        var gradient = inputs.getFirst();
        for (var i = last; i >= 0; i--) {
            var from = i * segment;
            var end = Math.min(blocks, from + segment);
            var recorded = record(view, from, end, inputs.get(i), angles);
            if (i == last) {
                var found = head(view, recorded.output(), window, sum);
                losses = found.losses();
                gradient = found.gradient();
            }
            gradient = backward(recorded, gradient, sum);
        }
        return losses;
    }

    /// @param input leaf of the computation; only asked for where something lies before it
    /// @param parameters leaves of the computation, by name
    private record Recorded(Tensor input, boolean first, Map<String, Tensor> parameters, Tensor output) {}

    private static Recorded record(Student.View view, int from, int end, Tensor input, @Nullable Angles angles) {
        return Grad.on(() -> {
            var leaf = from == 0 ? input : Grad.leaf(input);
            return new Recorded(leaf, from == 0, view.ofBlocks(from, end), view.run(from, end, leaf, angles));
        });
    }

    /// Adds the parameters' gradients.
    ///
    /// @return the gradient by the segment's input; of the first segment something nobody needs
    private Tensor backward(Recorded recorded, Tensor gradient, Tensor sum) {
        var names = List.copyOf(recorded.parameters().keySet());
        var leaves = new ArrayList<>(recorded.parameters().values());
        if (!recorded.first()) {
            leaves.add(recorded.input());
        }
        if (leaves.isEmpty()) {
            return gradient;
        }
        var found = Grad.of(recorded.output(), gradient, leaves);
        add(names, found, sum);
        return recorded.first() ? gradient : found.getLast();
    }

    private void add(List<String> names, List<Tensor> gradients, Tensor sum) {
        for (var i = 0; i < names.size(); i++) {
            var slot = Objects.requireNonNull(student.parameters().slots().get(names.get(i)));
            var found = gradients.get(i);
            slot.of(sum).add_(found.dtype() == DType.F32 ? found : found.to(DType.F32));
        }
    }

    private record Found(Losses losses, Tensor gradient) {}

    /// The losses and the gradient by the residual stream after the last block.
    private Found head(Student.View view, Tensor hidden, Window window, Tensor sum) {
        var tokens = window.tokens();
        var rows = tokens.length - 1; // the last token predicts nothing known
        var targets = teacher == null ? null : teacher.of(window);
        var leaf = Grad.on(() -> Grad.leaf(hidden));
        var normed = Grad.on(() -> view.head().normed(leaf));
        var flat = Grad.detached(normed).select(0, 0); // [seq, hidden]
        var losses = Losses.NONE;
        var parts = new ArrayList<Tensor>();
        var most = Math.max(LEAST_ROWS, HEAD_NUMBERS / student.spec().vocabSize());
        for (var first = 0; first < rows; first += most) {
            var count = Math.min(most, rows - first);
            var part = part(view, flat.narrow(0, first, count), next(tokens, first, count), targets, first);
            losses = losses.plus(part.losses());
            parts.add(part.gradient());
        }
        parts.add(Tensors.zeros(DType.F32, 1, student.spec().hiddenSize()));
        var seed = Tensors.cat(parts, 0).unsqueeze(0);
        var own = view.ofNorm();
        var leaves = new ArrayList<>(own.values());
        leaves.add(leaf);
        var found = Grad.of(normed, seed, leaves);
        add(List.copyOf(own.keySet()), found, sum);
        return new Found(losses, found.getLast());
    }

    private Found part(Student.View view, Tensor normed, Tensor next, @Nullable Top targets, int first) {
        return Grad.off(() -> {
            var losses = new Losses[] {Losses.NONE};
            var through = TensorScope.tidy(() -> {
                var top = targets == null ? null : targets.narrow(first, normed.size(0));
                var found = HeadLoss.of(view.head().logits(normed), next, top, loss);
                losses[0] = new Losses(found.crossEntropy(), found.divergence());
                return view.head().through(found.gradient());
            });
            return new Found(losses[0], through);
        });
    }

    private static Tensor next(int[] tokens, int first, int count) {
        var labels = new long[count];
        for (var i = 0; i < count; i++) {
            labels[i] = tokens[first + i + 1];
        }
        return Tensors.ofLongs(labels, count);
    }

    /// Mean cross-entropy of some windows of one length at the parameters' present values, nats a token.
    static double crossEntropy(Student student, List<int[]> windows) {
        return Grad.off(() -> {
            var losses = new double[windows.size()];
            try (var _ = TensorScope.open()) {
                var matrices = student.matrices();
                Compute.each(
                        windows.size(),
                        i -> TensorScope.tidyRun(() -> {
                            var view = student.view(matrices, false);
                            losses[i] = crossEntropy(student, view, windows.get(i));
                        }));
            }
            var sum = 0.0;
            for (var each : losses) {
                sum += each;
            }
            return sum / windows.size();
        });
    }

    private static double crossEntropy(Student student, Student.View view, int[] tokens) {
        var angles = Angles.of(student.spec(), 0, tokens.length);
        var hidden = view.run(0, student.spec().blocks().size(), view.embed(tokens), angles);
        var flat = view.head().normed(hidden).select(0, 0);
        var sum = 0.0;
        for (var first = 0; first < tokens.length - 1; first += LEAST_ROWS) {
            var from = first;
            var count = Math.min(LEAST_ROWS, tokens.length - 1 - first);
            sum += TensorScope.tidy(() -> Functional.crossEntropy(
                            view.head().logits(flat.narrow(0, from, count)), next(tokens, from, count))
                    .to(DType.F64)
                    .sum()
                    .item());
        }
        return sum / (tokens.length - 1);
    }

    @Override
    public void close() {
        store.close();
    }
}
