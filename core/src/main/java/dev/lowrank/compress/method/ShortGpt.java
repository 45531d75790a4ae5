package dev.lowrank.compress.method;

import dev.lowrank.compress.statistics.Statistic;
import java.util.Comparator;
import java.util.List;
import java.util.Set;

/// Removes the blocks that turn the residual stream least, in one shot.
///
/// The influence of a block is `1 − E cos(x_in, x_out)` over the tokens of the whole model. Source: Men et
/// al., ShortGPT, arXiv:2403.03853, section 3. Deviation: none; the mean is over calibration text.
record ShortGpt() implements BlockRemoval {
    private static final MethodInfo INFO = new MethodInfo(
            "shortgpt", "removal of the blocks of least influence", "arXiv:2403.03853", Set.of(Statistic.RESIDUAL));

    @Override
    public MethodInfo info() {
        return INFO;
    }

    @Override
    public List<Removed> remove(Depth depth, int count) {
        var influence = depth.influence();
        return depth.removable().stream()
                .map(block -> new Removed(block, influence[block]))
                .sorted(Comparator.comparingDouble(Removed::score).thenComparingInt(Removed::block))
                .limit(count)
                .toList();
    }
}
