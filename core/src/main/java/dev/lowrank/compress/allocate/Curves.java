package dev.lowrank.compress.allocate;

import java.util.ArrayList;
import java.util.List;

/// Loss curves over rank, made fit for optimisation.
///
/// A curve measured on few tokens wiggles: terms of a dropped tail can cancel by luck, so that a smaller
/// rank seems to lose less than a larger one. An optimiser would pick just those lucky points. The truth
/// falls with rank, so the curve is replaced by the falling one nearest to it in the least-squares sense
/// (pool adjacent violators), and what was pooled is joined by straight lines, which leaves no steps that
/// are only artefacts of pooling.
final class Curves {
    private Curves() {}

    private record Block(double centre, double mean, int count) {
        private Block join(Block next) {
            var both = count + next.count;
            return new Block(
                    (centre * count + next.centre * next.count) / both,
                    (mean * count + next.mean * next.count) / both,
                    both);
        }
    }

    /// The nearest curve that never rises.
    ///
    /// @param measured values over rank; negative ones count as 0
    /// @return a new array of the same length; equal to `measured` where that falls already
    static double[] falling(double[] measured) {
        var blocks = new ArrayList<Block>();
        for (var r = 0; r < measured.length; r++) {
            var block = new Block(r, Math.max(0, measured[r]), 1);
            while (!blocks.isEmpty() && blocks.getLast().mean < block.mean) {
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
                curve[r] = blocks.get(next == 0 ? 0 : next - 1).mean;
            } else {
                var left = blocks.get(next - 1);
                var right = blocks.get(next);
                var share = (r - left.centre) / (right.centre - left.centre);
                curve[r] = share == 1 ? right.mean : left.mean + share * (right.mean - left.mean);
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

    /// A curve over rank read on the rungs of a ladder.
    static double[] onRungs(Ladder ladder, double[] curve) {
        var losses = new double[ladder.size()];
        for (var rung = 0; rung < losses.length; rung++) {
            losses[rung] = curve[Math.min(ladder.rank(rung), curve.length - 1)];
        }
        return losses;
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
