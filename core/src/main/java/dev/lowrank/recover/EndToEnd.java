package dev.lowrank.recover;

import dev.lowrank.recover.RecoveryRecipe.Extent;
import dev.lowrank.recover.RecoveryReport.Round;
import dev.lowrank.recover.TrainingState.Best;
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
    /// Seconds of steps that are lost at most where saving is cheap.
    private static final double LEAST_SECONDS = 20;

    private final Student student;
    private final Gradients gradients;
    private final BatchOrder order;
    private final @Nullable ValidationSet validation;
    private final RecoveryRecipe recipe;
    private final TrainingState state;
    private final double until;
    private final RecoveryProgress progress;
    private final PaceMeter meter;

    /// @param validation null to train to the end and keep the last state
    /// @param state of this stage
    /// @param until seconds of training at which the stage should end, where a time decides
    EndToEnd(
            Student student,
            Gradients gradients,
            BatchOrder order,
            @Nullable ValidationSet validation,
            RecoveryRecipe recipe,
            TrainingState state,
            double until,
            RecoveryProgress progress) {
        this.student = student;
        this.gradients = gradients;
        this.order = order;
        this.validation = validation;
        this.recipe = recipe;
        this.state = state;
        this.until = until;
        this.progress = progress;
        this.meter = new PaceMeter(recipe.extent(), until);
    }

    /// Trains to the end and leaves the best parameters in the student.
    void run() {
        if (validation != null && state.position.best().equals(Best.NONE)) {
            round(); // the model as it came is the first best one: training never ends worse than it began
        }
        var adam = new AdamW(0.9, 0.95, 1e-8, recipe.optimisation().weightDecay());
        while (!done()) {
            step(adam);
            if (due() > state.position.due()) {
                round();
                state.save();
            } else {
                state.saveSometimes(LEAST_SECONDS);
            }
        }
        if (state.position.recent().steps() > 0) {
            round(); // a time ends between two rounds
            state.save();
        }
        if (validation != null) {
            student.parameters().values().copy_(state.best());
        }
    }

    private boolean done() {
        return state.position.best().stopped() || share() >= 1;
    }

    /// Which share of the stage is done.
    private double share() {
        return switch (recipe.extent()) {
            case Extent.Steps(var steps) -> (double) state.position.step() / steps;
            case Extent.Time _ -> {
                var from = state.position.stageStart();
                var total = until - from;
                yield total <= 0 ? 1 : Math.min(1, (state.spent() - from) / total);
            }
        };
    }

    /// Rounds whose time has come. What a round takes of a time may make several due, which are then one.
    private int due() {
        return (int) Math.floor(share() * recipe.validation().rounds() + 1e-9);
    }

    private void step(AdamW adam) {
        var begun = System.nanoTime();
        var step = state.position.step();
        var rate = recipe.optimisation().rate(share());
        var batch = order.batch(step, recipe.optimisation().batch());
        var losses = gradients.of(batch);
        TensorScope.tidyRun(() -> {
            clip(gradients.total(), recipe.optimisation().clip(), "step " + (step + 1), "--rate", student.parameters());
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
        var tokens = batch.stream().mapToLong(window -> window.tokens().length).sum();
        meter.add(tokens, (System.nanoTime() - begun) * 1e-9, losses);
        progress.trained(meter.pace(state.position.step(), state.spent()));
    }

    /// Scales a gradient down to a largest norm.
    ///
    /// @param where in the training, for messages
    /// @param option that sets the learning rate there
    /// @throws NumericalException naming the place and the first tensor whose gradient is not finite
    static void clip(Tensor gradient, double most, String where, String option, Parameters parameters) {
        var norm = gradient.norm().item();
        if (!Double.isFinite(norm)) {
            for (var slot : parameters.slots().values()) {
                if (!slot.of(gradient).isFiniteAll()) {
                    throw new NumericalException(
                            Kind.NON_FINITE,
                            slot.name(),
                            "its gradient is not finite at " + where + "; use a smaller " + option
                                    + ", or --precision f32");
                }
            }
            throw new NumericalException(
                    Kind.NON_FINITE, where, "the gradient's norm is " + norm + "; use a smaller " + option);
        }
        if (most > 0 && norm > most) {
            gradient.mul_(most / norm);
        }
    }

    /// Looks at the validation text, if there is one, and keeps a better state.
    private void round() {
        var position = state.position;
        var losses = position.recent().mean();
        var loss = validation == null ? null : loss(validation);
        var round = new Round(
                position.step(), losses.crossEntropy(), losses.divergence(), loss == null ? null : Math.exp(loss));
        var best = position.best();
        if (loss != null) {
            best = best.after(position.step(), loss, recipe.validation().patience());
            if (best.step() == position.step()) {
                state.best().copy_(state.values());
            }
        }
        var rounds = new ArrayList<>(position.rounds());
        rounds.add(round);
        state.position = position.afterRound(rounds, due(), best);
        progress.round(round);
    }

    private double loss(ValidationSet text) {
        var loss = Gradients.crossEntropy(student, text.windows());
        if (!Double.isFinite(loss)) {
            var step = state.position.step();
            throw new NumericalException(
                    Kind.NON_FINITE,
                    "step " + step,
                    "the loss on the validation text is " + loss + "; it must be finite. "
                            + (step == 0 ? "The model is broken before any training" : "Use a smaller --rate"));
        }
        return loss;
    }
}
