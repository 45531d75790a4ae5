package dev.lowrank.explore;

import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/// From the dense model down: the group of sites whose next step costs least for the bytes that it saves
/// takes it.
///
/// What a step costs is measured in the company of the steps before; what was measured in other company is
/// measured again only once it comes first (the lazy evaluation of Minoux, 1978, which is exact where steps
/// cost more the further the model is cut). Seeds are measured first and not built on.
///
/// @param step of a group, as a share of its dense cost
record GreedySearch(double step) implements Search {
    static final GreedySearch DEFAULT = new GreedySearch(0.15);

    /// Evaluations for each group, so that the walk gets somewhere.
    private static final int STEPS = 5;

    GreedySearch {
        if (!(step > 0 && step <= 1)) {
            throw new IllegalArgumentException("A greedy step is a share in (0, 1], not " + step);
        }
    }

    @Override
    public String id() {
        return "greedy";
    }

    @Override
    public List<Evaluated> run(SearchTask task) {
        var log = new SearchLog(task);
        task.seeds().forEach(log::measure);
        new Walk(log).run();
        return log.all();
    }

    /// A step that was measured.
    ///
    /// @param group which takes it
    /// @param rate what it costs for each byte saved
    /// @param at how many steps had been taken then
    private record Step(int group, double rate, int at) {}

    private final class Walk {
        private final SearchLog log;
        private final SearchSpace space;
        private final List<int[]> groups;
        private final PriorityQueue<Step> steps =
                new PriorityQueue<>(Comparator.comparingDouble(Step::rate).thenComparingInt(Step::group));
        private int[] point;
        private double loss;
        private int taken;

        private Walk(SearchLog log) {
            this.log = log;
            space = log.task().space();
            groups = space.groups(Math.max(1, log.task().evaluations() / STEPS));
            point = space.dense();
            loss = log.loss(log.dense());
        }

        private void run() {
            for (var group = 0; group < groups.size(); group++) {
                offer(group);
            }
            while (!steps.isEmpty() && !log.spent()) {
                var first = steps.remove();
                if (first.at() < taken) {
                    offer(first.group());
                } else {
                    take(first.group());
                }
            }
        }

        private void take(int group) {
            point = stepped(group);
            var measures = log.measure(point);
            if (measures != null) {
                loss = log.loss(measures);
                taken++;
                offer(group);
            }
        }

        /// Measures a group's next step, if it has one.
        private void offer(int group) {
            var next = stepped(group);
            var saved = space.cost(point) - space.cost(next);
            var measures = saved <= 0 ? null : log.measure(next);
            if (measures != null) {
                steps.add(new Step(group, (log.loss(measures) - loss) / saved, taken));
            }
        }

        private int[] stepped(int group) {
            var shares = space.shares(point);
            for (var site : groups.get(group)) {
                shares[site] -= step;
            }
            var lower = space.within(shares);
            var next = point.clone();
            for (var site : groups.get(group)) {
                next[site] = Math.min(point[site], lower[site]);
            }
            return next;
        }
    }
}
