package dev.lowrank.explore;

import dev.lowrank.compress.allocate.GaussianProcess;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/// Bayesian optimisation at one cost after the other: a [GaussianProcess] learns the logarithm of the loss
/// over the shares that groups of sites keep; each trial takes a cost between the lowest and the dense one,
/// and of many points at that cost the one that is expected to improve most on the best that costs no more.
///
/// Points are drawn anew and around the best; a point is scaled to its cost by one factor on all shares.
/// Source: Bolaco's search, arXiv:2405.10616, section 3.3, there at one budget. Where a constraint bounds
/// what sites may cost, half of the trials are at that bound.
///
/// @param groups that have a share of their own, at most
/// @param drawn points drawn anew for a trial, and as many around the best
record BayesianSearch(int groups, int drawn) implements Search {
    static final BayesianSearch DEFAULT = new BayesianSearch(28, 256);

    private static final double LOWEST_SHARE = 0.1;
    private static final double NEIGHBOURHOOD = 0.1;
    /// Costs of trials, as shares of the dense cost.
    private static final double LEAST_COST = 0.2;

    @Override
    public String id() {
        return "bayes";
    }

    @Override
    public List<Evaluated> run(SearchTask task) {
        var log = new SearchLog(task);
        new Trials(log).run();
        return log.all();
    }

    private final class Trials {
        private final SearchLog log;
        private final SearchSpace space;
        private final List<int[]> sets;
        private final SplittableRandom random;
        private final double dense;
        private final List<double[]> points = new ArrayList<>();
        private final List<Double> losses = new ArrayList<>();
        private final List<double[]> shares = new ArrayList<>();

        private Trials(SearchLog log) {
            this.log = log;
            space = log.task().space();
            sets = space.groups(groups);
            random = new SplittableRandom(log.task().seed());
            dense = space.cost(space.dense());
        }

        private void run() {
            learn(space.dense());
            for (var seed : log.task().seeds()) {
                if (log.violationAhead(seed) == 0) {
                    learn(seed);
                }
            }
            var most = highestCost();
            var least = Math.min(LEAST_COST, most);
            for (var stale = 0; !log.spent() && stale < drawn; ) {
                var before = points.size();
                var atBound = most < 1 && before % 2 == 0 && stale == 0;
                var point = space.within(promising(atBound ? most : least + random.nextDouble() * (most - least)));
                if (log.violationAhead(point) == 0) {
                    learn(point);
                }
                stale = points.size() == before ? stale + 1 : 0;
            }
        }

        /// What equal shares cost at the bound that the constraints on sizes set, as a share of the dense
        /// cost; 1 where they set none.
        private double highestCost() {
            var low = 0.0;
            var high = 1.0;
            if (log.violationAhead(equal(high)) == 0) {
                return high;
            }
            for (var i = 0; i < 20; i++) {
                var middle = (low + high) / 2;
                if (log.violationAhead(equal(middle)) == 0) {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            return space.cost(equal(low)) / dense;
        }

        private int[] equal(double share) {
            var shares = new double[space.sites()];
            Arrays.fill(shares, share);
            return space.within(shares);
        }

        private void learn(int[] point) {
            var known = log.all().size();
            var measures = log.measure(point);
            if (measures != null && (log.all().size() > known || points.isEmpty())) {
                var loss = log.loss(measures);
                points.add(grouped(space.shares(point)));
                shares.add(space.shares(point));
                losses.add(loss > 0 ? Math.log(loss) : loss);
            }
        }

        /// The mean share of each group.
        private double[] grouped(double[] all) {
            var means = new double[sets.size()];
            for (var g = 0; g < means.length; g++) {
                for (var site : sets.get(g)) {
                    means[g] += all[site] / sets.get(g).length;
                }
            }
            return means;
        }

        /// Shares of all sites, of the point that promises most at a cost.
        private double[] promising(double cost) {
            var process = GaussianProcess.fit(points, losses);
            var best = bestWithin(cost);
            var chosen = shares.get(best);
            var most = -1.0;
            for (var c = 0; c < 2 * drawn; c++) {
                var candidate = scaled(c < drawn ? anywhere() : near(shares.get(best)), cost);
                var improvement = process.at(grouped(candidate)).expectedImprovement(losses.get(best));
                if (improvement > most) {
                    most = improvement;
                    chosen = candidate;
                }
            }
            return chosen;
        }

        /// The best of what costs no more; the cheapest where everything costs more.
        private int bestWithin(double cost) {
            var best = -1;
            var cheapest = 0;
            for (var i = 0; i < points.size(); i++) {
                if (cost(shares.get(i)) <= cost && (best < 0 || losses.get(i) < losses.get(best))) {
                    best = i;
                }
                cheapest = cost(shares.get(i)) < cost(shares.get(cheapest)) ? i : cheapest;
            }
            return best < 0 ? cheapest : best;
        }

        private double cost(double[] all) {
            var sum = 0.0;
            for (var i = 0; i < all.length; i++) {
                sum += Math.min(1, all[i]) * space.ladders().get(i).denseCost();
            }
            return sum / dense;
        }

        private double[] anywhere() {
            return spread(random.doubles(sets.size(), LOWEST_SHARE, 1).toArray());
        }

        private double[] spread(double[] ofGroups) {
            var all = new double[space.sites()];
            for (var g = 0; g < ofGroups.length; g++) {
                for (var site : sets.get(g)) {
                    all[site] = ofGroups[g];
                }
            }
            return all;
        }

        private double[] near(double[] all) {
            var moved = all.clone();
            for (var set : sets) {
                var change = NEIGHBOURHOOD * random.nextGaussian();
                for (var site : set) {
                    moved[site] = Math.clamp(moved[site] + change, LOWEST_SHARE / 10, 1);
                }
            }
            return moved;
        }

        /// Scales shares by one factor, capped at 1, so that they cost what they should.
        private double[] scaled(double[] all, double cost) {
            var low = 0.0;
            var high = 1 / Arrays.stream(all).min().orElse(1);
            for (var i = 0; i < 40; i++) {
                var middle = (low + high) / 2;
                if (cost(times(all, middle)) <= cost) {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            return times(all, low);
        }

        private static double[] times(double[] all, double factor) {
            var scaled = new double[all.length];
            for (var i = 0; i < all.length; i++) {
                scaled[i] = Math.min(1, factor * all[i]);
            }
            return scaled;
        }
    }
}
