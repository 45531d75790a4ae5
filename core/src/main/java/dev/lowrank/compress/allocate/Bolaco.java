package dev.lowrank.compress.allocate;

import dev.lowrank.model.Role;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/// Bayesian optimisation of a few ratios, one for each type of site and group of neighbouring layers.
///
/// Types are query and key together, output, gate, up and down; value projections stay dense, because a few
/// per cent of them hurt already. A candidate is a vector of ratios in `[0.2, 1]`; scaled by a common
/// factor (and capped at 1) it meets the budget. Trials are the trial losses of candidates: the equal
/// ratios first, a quarter at random, then the maximiser of the expected improvement under a
/// [GaussianProcess] over the scaled ratios, sought among random candidates and neighbours of the best.
///
/// Source: Ji et al., Bolaco, arXiv:2405.10616, section 3.3. Deviations: the budget is met by scaling
/// instead of a constraint on the kept share; the objective is the trial loss without the small term of
/// reverse divergence; where the budget cannot be met with dense value projections and the others at 0.2,
/// value projections take part as a type of their own.
///
/// @param trials candidates that are measured; 50 in the paper
/// @param depthGroups groups of neighbouring layers; 1 or 4 in the paper
record Bolaco(int trials, int depthGroups) implements Allocator {
    private static final double LOWEST = 0.2;
    private static final int RANDOM_CANDIDATES = 512;
    private static final int NEIGHBOURS = 128;
    private static final double NEIGHBOURHOOD = 0.1;

    private static final AllocatorInfo INFO = new AllocatorInfo(
            "bolaco",
            "Bayesian optimisation of ratios by type and depth",
            "arXiv:2405.10616",
            Set.of(Sensitivity.TRIAL_LOSS));

    Bolaco {
        if (trials < 1 || depthGroups < 1) {
            throw new IllegalArgumentException(
                    "Bolaco needs at least 1 trial and 1 depth group, but was given " + trials + " and " + depthGroups);
        }
    }

    @Override
    public List<String> options() {
        return List.of("--allocate", INFO.id(), "--allocate-trials", Integer.toString(trials));
    }

    @Override
    public AllocatorInfo info() {
        return INFO;
    }

    @Override
    public long trials(int sites) {
        return trials;
    }

    @Override
    public Allocation allocate(AllocationProblem problem) {
        problem.require(INFO.id(), INFO.needs());
        var ladders = Ladders.of(problem);
        if (ladders.affordDense()) {
            return ladders.allocation(ladders.dense());
        }
        return new Search(problem, ladders).run();
    }

    private static String type(Role role) {
        return switch (role) {
            case Q_PROJ, K_PROJ -> "qk";
            case QKV_PROJ, V_PROJ, O_PROJ, GATE_PROJ, UP_PROJ, DOWN_PROJ -> role.id();
        };
    }

    /// One search.
    private final class Search {
        private final AllocationProblem problem;
        private final Ladders ladders;
        private final List<List<Integer>> groups;
        private final double[] sizes;
        private final double room;
        private final SplittableRandom random;
        private final List<double[]> points = new ArrayList<>();
        private final List<Double> losses = new ArrayList<>();

        private Search(AllocationProblem problem, Ladders ladders) {
            this.problem = problem;
            this.ladders = ladders;
            random = new SplittableRandom(problem.seed());
            groups = groups();
            sizes = new double[groups.size()];
            var dense = 0.0;
            for (var g = 0; g < sizes.length; g++) {
                for (var site : groups.get(g)) {
                    sizes[g] += ladders.get(site).denseCost();
                }
                dense += sizes[g];
            }
            room = ladders.limit() - (ladders.cost(ladders.dense()) - dense);
        }

        private List<List<Integer>> groups() {
            var all = SiteGroups.by(problem.evidence(), depthGroups, Bolaco::type);
            var others = all.stream()
                    .filter(group ->
                            problem.evidence().get(group.getFirst()).site().role() != Role.V_PROJ)
                    .toList();
            var cheapest = ladders.dense();
            for (var group : others) {
                for (var site : group) {
                    cheapest[site] =
                            ladders.get(site).within(LOWEST * ladders.get(site).denseCost());
                }
            }
            return ladders.cost(cheapest) <= ladders.limit() ? others : all;
        }

        private Allocation run() {
            var best = measured(equal());
            var bestPoint = points.getFirst();
            for (var trial = 1; trial < trials; trial++) {
                var point = trial < Math.max(3, trials / 4)
                        ? scaled(anywhere())
                        : promising(bestPoint, best.predictedLoss());
                var candidate = measured(point);
                if (candidate.predictedLoss() < best.predictedLoss()) {
                    best = candidate;
                    bestPoint = point;
                }
            }
            return best.withPredictedLoss(Double.NaN)
                    .withNotes(List.of("trial loss " + best.predictedLoss() + ", best of " + trials + " trials; equal "
                            + "ratios " + losses.getFirst()));
        }

        private double[] equal() {
            var ratios = new double[sizes.length];
            Arrays.fill(ratios, 1);
            return scaled(ratios);
        }

        private double[] anywhere() {
            return random.doubles(sizes.length, LOWEST, 1).toArray();
        }

        private double[] near(double[] point) {
            var ratios = point.clone();
            for (var g = 0; g < ratios.length; g++) {
                ratios[g] = Math.clamp(ratios[g] + NEIGHBOURHOOD * random.nextGaussian(), LOWEST / 10, 1);
            }
            return ratios;
        }

        private double[] promising(double[] best, double loss) {
            var process = GaussianProcess.fit(points, losses);
            var chosen = best;
            var most = -1.0;
            for (var c = 0; c < RANDOM_CANDIDATES + NEIGHBOURS; c++) {
                var point = scaled(c < RANDOM_CANDIDATES ? anywhere() : near(best));
                var improvement = process.at(point).expectedImprovement(loss);
                if (improvement > most) {
                    most = improvement;
                    chosen = point;
                }
            }
            return chosen;
        }

        /// Scales ratios by one factor, capped at 1, so that they meet the budget.
        private double[] scaled(double[] ratios) {
            var low = 0.0;
            var high = 1 / least(ratios);
            for (var i = 0; i < 60; i++) {
                var middle = (low + high) / 2;
                var cost = 0.0;
                for (var g = 0; g < sizes.length; g++) {
                    cost += Math.min(1, middle * ratios[g]) * sizes[g];
                }
                if (cost <= room) {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            var scaled = ratios.clone();
            for (var g = 0; g < scaled.length; g++) {
                scaled[g] = Math.min(1, low * ratios[g]);
            }
            return scaled;
        }

        /// Measures a point and remembers it.
        ///
        /// @return the allocation with its trial loss in the place of a prediction
        private Allocation measured(double[] point) {
            var allocation = ladders.allocation(
                    ladders.meet(factor -> rungs(point, factor), 0, 1 / least(point), "Bolaco's ratios"));
            var loss = problem.trialLoss(allocation);
            points.add(point);
            losses.add(loss);
            return allocation.withPredictedLoss(loss);
        }

        private int[] rungs(double[] point, double factor) {
            var rungs = ladders.dense();
            for (var g = 0; g < point.length; g++) {
                for (var site : groups.get(g)) {
                    var ladder = ladders.get(site);
                    rungs[site] = ladder.within(Math.min(1, factor * point[g]) * ladder.denseCost());
                }
            }
            return rungs;
        }

        private static double least(double[] point) {
            return Arrays.stream(point).min().orElse(1);
        }
    }
}
