package dev.lowrank.compress.method;

import dev.lowrank.compress.statistics.Statistic;
import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.NumericalException;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import java.util.Set;

/// Rotates the residual stream into its principal axes and slices the last ones off, in one shot.
///
/// RMS norms commute with rotations once their weights are folded into the linears behind them, so a
/// rotated model computes the same; then the axes of least variance go, with the rows and columns that
/// belong to them ([StreamAxes]). Source: Ashkboos et al., SliceGPT, ICLR 2024, arXiv:2401.15024, sections
/// 3.1 to 3.4.
///
/// Deviations: one rotation for the whole model, of the second moments at all norms together, where the
/// paper has one a norm. Its rotations differ from block to block, so each skip path needs a matrix
/// `Q_lᵀ Q_{l+1} [d', d']` of its own, two a block: numbers and work that the paper has to win back, and an
/// architecture that nothing else opens. One rotation cuts that product to the identity and leaves a plain
/// model; its axes fit each norm less well. Second moments are those of the whole model on calibration
/// text, not of the one rotated and cut so far, and the widths are whole multiples of the number of heads,
/// which `transformers` asks of a `llama`, instead of 8.
record SliceGpt() implements StreamRotation {
    private static final MethodInfo INFO = new MethodInfo(
            "slicegpt",
            "one rotation of the residual stream, last axes sliced off",
            "arXiv:2401.15024",
            Set.of(Statistic.STREAM_MOMENT));

    @Override
    public MethodInfo info() {
        return INFO;
    }

    @Override
    public StreamAxes axes(Tensor moment, int width) {
        return TensorScope.tidy(() -> {
            var eigen = Linalg.eigh(moment);
            var values = eigen.values().clampMin(0);
            var all = values.sum().item();
            if (!(all > 0)) {
                throw new NumericalException(
                        NumericalException.Kind.NON_FINITE,
                        "second moment of the residual stream",
                        "its sum of eigenvalues is " + all + "; expected a positive number");
            }
            var kept = values.narrow(0, 0, width).sum().item() / all;
            return new StreamAxes(eigen.vectors().narrow(1, 0, width).contiguous(), kept);
        });
    }
}
