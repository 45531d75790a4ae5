package dev.lowrank.recover;

import dev.lowrank.recover.TeacherTargets.Top;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.Tensors;
import org.jspecify.annotations.Nullable;

/// The loss at the logits and its gradient, both in closed form, so that no vocabulary-wide tensor is kept
/// for a backward pass.
///
/// With `p = softmax(z)`, targets `y`, `p_T = softmax(z / T)`, the teacher's largest probabilities `q_K`
/// and the sums of the others `q_r`, `p_r`: the gradient by `z` is
/// `text (p − y) + (1 − text) T ((1 − q_r / p_r) p_T + [p_K q_r / p_r − q_K])`, the bracket at the classes
/// K.
///
/// @param crossEntropy nats, summed over rows
/// @param divergence nats, summed over rows; 0 without a teacher
/// @param gradient F32 `[rows, vocab]`, by the logits, of the sum over rows
record HeadLoss(double crossEntropy, double divergence, Tensor gradient) {
    private static final double SMALLEST = 1e-30;
    /// Below this the student's rest is rounding of F32.
    private static final double SMALLEST_REST = 1e-6;

    /// Computes the loss of some rows; nothing is recorded.
    ///
    /// @param logits F32 `[rows, vocab]`; overwritten
    /// @param targets I64 `[rows]`
    /// @param teacher of these rows; null for none
    /// @param weights what the loss is
    /// @return in the innermost scope
    static HeadLoss of(Tensor logits, Tensor targets, @Nullable Top teacher, RecoveryRecipe.Loss weights) {
        var column = targets.unsqueeze(1); // [rows, 1]
        var text = teacher == null ? 1 : weights.text();
        var p = logits.softmax(-1);
        var ofTargets = p.gather(-1, column);
        var crossEntropy = -sum(ofTargets.clampMin(SMALLEST).log());
        var minus = Tensors.full(-text, DType.F32, targets.elements(), 1);
        if (teacher == null) {
            return new HeadLoss(crossEntropy, 0, Functional.scatterAdd_(p, column, minus));
        }
        var t = weights.temperature();
        var soft = t == 1 ? p : logits.mul_(1 / t).softmax(-1);
        var q = teacher.probabilities();
        var ofTop = soft.gather(-1, teacher.indices()); // [rows, top]
        var rest = ofTop.sum(-1, true).neg().add(1).clampMin(SMALLEST_REST); // [rows, 1]
        var wanted = q.sum(-1, true).neg().add(1).clampMin(0);
        var divergence =
                sum(q.mul(log(q).sub(log(ofTop)))) + sum(wanted.mul(log(wanted).sub(log(rest))));
        var ratio = wanted.div(rest);
        var scale = (1 - text) * t;
        var softWeight = ratio.mul(-scale).add(scale); // [rows, 1]
        var gradient = t == 1 ? p.mul_(softWeight.add(text)) : p.mul_(text).add_(soft.mul_(softWeight));
        Functional.scatterAdd_(gradient, column, minus);
        Functional.scatterAdd_(
                gradient, teacher.indices(), ofTop.mul(ratio).sub(q).mul_(scale));
        return new HeadLoss(crossEntropy, divergence, gradient);
    }

    private static Tensor log(Tensor x) {
        return x.clampMin(SMALLEST).log();
    }

    private static double sum(Tensor x) {
        return x.to(DType.F64).sum().item();
    }
}
