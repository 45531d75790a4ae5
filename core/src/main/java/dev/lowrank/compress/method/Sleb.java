package dev.lowrank.compress.method;

import dev.lowrank.compress.statistics.Statistic;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Removes one block after the other, each time the one whose absence costs least.
///
/// In every round the loss is measured with each of the remaining blocks left out; the first and the last
/// block of the model stay. Source: Song et al., SLEB, arXiv:2402.09025, section 3. Deviation: the loss is
/// that of the run's own windows, of validation text where one is given.
record Sleb() implements BlockRemoval {
    private static final MethodInfo INFO = new MethodInfo(
            "sleb", "greedy removal of blocks by measured loss", "arXiv:2402.09025", Set.of(Statistic.LOSS));

    @Override
    public MethodInfo info() {
        return INFO;
    }

    @Override
    public List<Integer> removable(List<Integer> blocks, int last) {
        return blocks.stream().filter(block -> block > 0 && block < last).toList();
    }

    @Override
    public List<Removed> remove(Depth depth, int count) {
        var candidates = new ArrayList<>(depth.removable());
        var removed = new ArrayList<Removed>();
        while (removed.size() < count) {
            var gone = removed.stream().map(Removed::block).toList();
            var best = depth.losses(gone, List.copyOf(candidates)).entrySet().stream()
                    .min(Map.Entry.<Integer, Double>comparingByValue().thenComparing(Map.Entry.comparingByKey()))
                    .map(found -> new Removed(found.getKey(), found.getValue()))
                    .orElseThrow();
            removed.add(best);
            candidates.remove(Integer.valueOf(best.block()));
        }
        return removed;
    }
}
