package dev.lowrank.recover;

import dev.lowrank.recover.RecoveryRecipe.Extent;
import dev.lowrank.recover.RecoveryReport.Round;
import dev.lowrank.tensor.AdamW;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.tensor.NumericalException.Kind;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.text.ValidationSet;
import java.util.ArrayList;
import org.jspecify.annotations.Nullable;

/// Trains the whole model: steps of AdamW on the loss at the logits, looks at the validation text in
/// between, and keeps the best state.
final class EndToEnd {
    private final Student student;
    private final Gradients gradients;
    private final BatchOrder order;
    private final @Nullable ValidationSet validation;
    private final RecoveryRecipe recipe;
    private final TrainingState state;
    private final RecoveryProgress progress;

    /// @param validation null to train to the end and keep the last state
    /// @param state of this stage
    EndToEnd(
            Student student,
            Gradients gradients,
            BatchOrder order,
            @Nullable ValidationSet validation,
            RecoveryRecipe recipe,
            TrainingState state,
            RecoveryProgress progress) {
        this.student = student;
        this.gradients = gradients;
        this.order = order;
        this.validation = validation;
        this.recipe = recipe;
        this.state = state;
        this.progress = progress;
    }

    /// Trains to the end and leaves the best parameters in the student.
    void run() {
        if (validation != null && state.position.best() == Double.MAX_VALUE) {
            begin(validation);
        }
        var adam = new AdamW(0.9, 0.95, 1e-8, recipe.optimisation().weightDecay());
        while (!done()) {
            step(adam);
            var due = (int) Math.floor(share() * recipe.validation().rounds() + 1e-9);
            if (due > taken()) {
                round();
                state.save();
            } else {
                state.saveSometimes();
            }
        }
        if (state.position.summed() > 0) {
            round(); // a time ends between two rounds
            state.save();
        }
        if (validation != null) {
            student.parameters().values().copy_(state.best());
        }
    }

    /// The model as it came is the first best one: training never ends worse than it began.
    private void begin(ValidationSet text) {
        var loss = Gradients.crossEntropy(student, text.windows());
        state.best().copy_(state.values());
        var begun = new Round(0, 0, 0, Math.exp(loss));
        var rounds = new ArrayList<>(state.position.rounds());
        rounds.add(begun);
        state.position = state.position.afterRound(rounds, loss, true, false);
        progress.round(begun);
    }

    private boolean done() {
        return state.position.stopped() || share() >= 1;
    }

    /// Which share of the stage is done.
    private double share() {
        return switch (recipe.extent()) {
            case Extent.Steps(var steps) -> (double) state.position.step() / steps;
            case Extent.Time(var time) -> {
                var from = state.position.stageStart();
                var total = time.toNanos() * 1e-9 - from;
                yield total <= 0 ? 1 : Math.min(1, (state.spent() - from) / total);
            }
        };
    }

    private int taken() {
        return (int) state.position.rounds().stream()
                .filter(round -> round.step() > 0)
                .count();
    }

    private void step(AdamW adam) {
        var step = state.position.step();
        switch (recipe.extent()) {
            case Extent.Steps(var steps) -> progress.step("train", step, steps);
            case Extent.Time(var time) ->
                progress.step("train", Math.min((long) state.spent(), time.toSeconds()), time.toSeconds());
        }
        var rate = recipe.optimisation().rate(share());
        var losses = gradients.of(order.batch(step, recipe.optimisation().batch()));
        TensorScope.tidyRun(() -> {
            clip(gradients.total(), recipe.optimisation().clip(), step + 1, student.parameters());
            adam.step(
                    state.values(),
                    gradients.total(),
                    state.mean(),
                    state.square(),
                    student.parameters().decayed(),
                    step + 1,
                    rate);
        });
        if (!Double.isFinite(losses.crossEntropy()) || !Double.isFinite(losses.divergence())) {
            throw new NumericalException(
                    Kind.NON_FINITE,
                    "step " + (step + 1),
                    "the loss is " + losses.crossEntropy() + " nats of cross-entropy and " + losses.divergence()
                            + " of divergence; both must be finite. Use a smaller --rate");
        }
        state.position = state.position.afterStep(losses);
    }

    /// Scales a gradient down to a largest norm.
    ///
    /// @throws NumericalException naming the step and the first tensor whose gradient is not finite
    static void clip(Tensor gradient, double most, long step, Parameters parameters) {
        var norm = gradient.norm().item();
        if (!Double.isFinite(norm)) {
            for (var slot : parameters.slots().values()) {
                if (!slot.of(gradient).isFiniteAll()) {
                    throw new NumericalException(
                            Kind.NON_FINITE,
                            slot.name(),
                            "its gradient is not finite at step " + step
                                    + "; use a smaller --rate, or --precision f32");
                }
            }
            throw new NumericalException(
                    Kind.NON_FINITE, "step " + step, "the gradient's norm is " + norm + "; use a smaller --rate");
        }
        if (most > 0 && norm > most) {
            gradient.mul_(most / norm);
        }
    }

    private void round() {
        var position = state.position;
        var count = Math.max(1, position.summed());
        var loss = validation == null ? null : Gradients.crossEntropy(student, validation.windows());
        if (loss != null && !Double.isFinite(loss)) {
            throw new NumericalException(
                    Kind.NON_FINITE,
                    "step " + position.step(),
                    "the loss on the validation text is " + loss + "; it must be finite. Use a smaller --rate");
        }
        var round = new Round(
                position.step(),
                position.crossEntropy() / count,
                position.divergence() / count,
                loss == null ? null : Math.exp(loss));
        var better = loss == null || loss < position.best();
        if (loss != null && better) {
            state.best().copy_(state.values());
        }
        var rounds = new ArrayList<>(position.rounds());
        rounds.add(round);
        var patience = recipe.validation().patience();
        var ends = !better && patience > 0 && position.waited() + 1 >= patience;
        state.position = position.afterRound(rounds, loss == null ? Double.MAX_VALUE : loss, better, ends);
        progress.round(round);
    }
}
