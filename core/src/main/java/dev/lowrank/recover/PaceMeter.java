package dev.lowrank.recover;

import dev.lowrank.recover.Gradients.Losses;
import dev.lowrank.recover.RecoveryRecipe.Extent;
import java.util.ArrayDeque;

/// Measures the pace of a training over its last steps.
final class PaceMeter {
    private static final int SPAN = 20;

    private final Extent extent;
    private final double until;
    private final ArrayDeque<Step> last = new ArrayDeque<>();

    /// @param until seconds of training at which a time ends; of no matter for steps
    PaceMeter(Extent extent, double until) {
        this.extent = extent;
        this.until = until;
    }

    private record Step(long tokens, double seconds, Losses losses) {}

    /// A step that was taken.
    ///
    /// @param seconds it took, with nothing else in them
    void add(long tokens, double seconds, Losses losses) {
        if (last.size() == SPAN) {
            last.removeFirst();
        }
        last.addLast(new Step(tokens, seconds, losses));
    }

    /// The pace after at least one step.
    ///
    /// @param step steps taken in all
    /// @param spent seconds of training in all
    Pace pace(long step, double spent) {
        var tokens = 0L;
        var seconds = 0.0;
        var sum = Losses.NONE;
        for (var each : last) {
            tokens += each.tokens();
            seconds += each.seconds();
            sum = sum.plus(each.losses());
        }
        var losses = sum.over(last.size());
        var each = seconds / last.size();
        var steps = extent instanceof Extent.Steps(var count) ? count : 0;
        var left = switch (extent) {
            case Extent.Steps(var count) -> each * (count - step);
            case Extent.Time _ -> Math.max(0, until - spent);
        };
        return new Pace(
                step,
                steps,
                seconds > 0 ? tokens / seconds : 0,
                losses.crossEntropy(),
                losses.divergence(),
                spent,
                left);
    }
}
