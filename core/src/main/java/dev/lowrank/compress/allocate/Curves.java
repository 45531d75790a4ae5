package dev.lowrank.compress.allocate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Loss curves over rank, made fit for optimisation.
///
/// A curve measured on few tokens wiggles: terms of a dropped tail can cancel by luck, so that a smaller
/// rank seems to lose less than a larger one. An optimiser would pick just those lucky points. The truth
/// falls with rank, so the curve is replaced by the falling one with the least absolute deviation (pool
/// adjacent violators, each pool at its median: one far-off point does not pull its neighbours along). What
/// was pooled is joined by straight lines, which leaves no steps that are only artefacts of pooling.
final class Curves {
    private Curves() {}

    /// Neighbouring points that share one value.
    private record Block(double centre, double[] sorted) {
        private Block join(Block next) {
            var both = Arrays.copyOf(sorted, sorted.length + next.sorted.length);
            System.arraycopy(next.sorted, 0, both, sorted.length, next.sorted.length);
            Arrays.sort(both);
            var share = sorted.length / (double) both.length;
            return new Block(share * centre + (1 - share) * next.centre, both);
        }

        private double value() {
            var middle = sorted.length / 2;
            return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        }
    }

    /// The nearest curve that never rises.
    ///
    /// @param measured values over rank; negative ones count as 0
    /// @return a new array of the same length; equal to `measured` where that falls already
    static double[] falling(double[] measured) {
        var blocks = new ArrayList<Block>();
        for (var r = 0; r < measured.length; r++) {
            var block = new Block(r, new double[] {Math.max(0, measured[r])});
            while (!blocks.isEmpty() && blocks.getLast().value() < block.value()) {
                block = blocks.removeLast().join(block);
            }
            blocks.add(block);
        }
        return joined(blocks, measured.length);
    }

    private static double[] joined(List<Block> blocks, int length) {
        var curve = new double[length];
        var next = 0;
        for (var r = 0; r < length; r++) {
            while (next < blocks.size() && blocks.get(next).centre < r) {
                next++;
            }
            if (next == 0 || next == blocks.size()) {
                curve[r] = blocks.get(next == 0 ? 0 : next - 1).value();
            } else {
                var left = blocks.get(next - 1);
                var right = blocks.get(next);
                var share = (r - left.centre) / (right.centre - left.centre);
                curve[r] = share == 1 ? right.value() : left.value() + share * (right.value() - left.value());
            }
        }
        return curve;
    }

    /// The losses on every rung of every site by its divergence curve, scaled.
    ///
    /// @param scale a factor for each site
    static double[][] losses(Ladders ladders, double[] scale) {
        var losses = new double[ladders.sites()][];
        for (var i = 0; i < losses.length; i++) {
            var ladder = ladders.get(i);
            losses[i] = onRungs(ladder, falling(ladder.evidence().divergence()));
            for (var rung = 0; rung < losses[i].length; rung++) {
                losses[i][rung] *= scale[i];
            }
        }
        return losses;
    }

    /// A curve over rank read on the rungs of a ladder, with what the types of the rungs lose.
    static double[] onRungs(Ladder ladder, double[] curve) {
        var rounding = ladder.evidence().rounding();
        var losses = new double[ladder.size()];
        for (var rung = 0; rung < losses.length; rung++) {
            var choice = ladder.choice(rung);
            losses[rung] = at(curve, ladder.evidence(), choice) + (rounding == null ? 0 : rounding.of(choice));
        }
        return losses;
    }

    /// A curve over rank read at a choice.
    static double at(double[] curve, Evidence evidence, Choice choice) {
        return curve[Math.min(choice.isDense() ? evidence.components() : choice.rank(), curve.length - 1)];
    }

    /// The loss of a plan.
    static double total(double[][] losses, int[] rungs) {
        var total = 0.0;
        for (var i = 0; i < rungs.length; i++) {
            total += losses[i][rungs[i]];
        }
        return total;
    }

    /// The part of the squared singular values that is lost at each rank, `[k + 1]`, relative to all.
    static double[] tailEnergy(double[] singular) {
        var tail = new double[singular.length + 1];
        for (var i = singular.length - 1; i >= 0; i--) {
            tail[i] = tail[i + 1] + singular[i] * singular[i];
        }
        var total = tail[0];
        for (var i = 0; i < tail.length && total > 0; i++) {
            tail[i] /= total;
        }
        return tail;
    }
}
