package dev.lowrank.compress.allocate;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;

/// Ranks by gradient descent through a soft truncation.
///
/// Component `i` of a site is kept by the Fermi function `f_i = 1 / (1 + e^{(i + ½ - μ) / T})` of one real
/// rank `μ`. The loss is `Σ_s Σ_i g_i (1 - f_i)` with `g_i` what component `i` is worth, the cost `Σ_s Σ_i
/// c_i f_i` with `c_i` what it costs in the site's cheapest form. Ranks descend along the gradient of the
/// loss less its part along the cost's (Adam), and are shifted back onto the budget after every step, while
/// the temperature falls geometrically from an eighth of the components to one rank multiple. The hard plan
/// with the lowest loss of start and end is returned, so that refining another plan never makes its
/// estimate worse.
///
/// Source: FermiGrad, arXiv:2512.03062 (abstract). Deviations: what a component is worth comes from the
/// site's divergence curve, measured once, instead of the gradient of a loss through the model at every
/// step; dense is an option, which its abstract does not speak of.
///
/// @param steps steps of the descent
/// @param rate step size, as a share of a site's components
/// @param source [Sensitivity#DIVERGENCE], or [Sensitivity#SPECTRUM] for relative energies
record FermiGrad(int steps, double rate, Sensitivity source) implements Allocator {
    static final String ID = "fermi";

    private static final double START_WIDTH = 1.0 / 8;
    private static final double REFINE_WIDTH = 1.0 / 32;
    private static final double FIRST_DECAY = 0.9;
    private static final double SECOND_DECAY = 0.99;

    FermiGrad {
        if (steps < 1 || !(rate > 0 && rate <= 1)) {
            throw new IllegalArgumentException(
                    "FermiGrad takes at least 1 step and a rate in (0, 1], but was given " + steps + " and " + rate);
        }
        if (source != Sensitivity.DIVERGENCE && source != Sensitivity.SPECTRUM) {
            throw new IllegalArgumentException("FermiGrad goes by estimate or spectrum, not by " + source.id());
        }
    }

    /// With the defaults: twice as many steps lower the estimate by less than 1 %.
    static FermiGrad of(Sensitivity source) {
        return new FermiGrad(300, 0.02, source);
    }

    @Override
    public List<String> options() {
        return List.of("--allocate", ID, "--allocate-by", source.id());
    }

    @Override
    public AllocatorInfo info() {
        return new AllocatorInfo(
                ID, "gradient descent on softly truncated spectra", "arXiv:2512.03062", EnumSet.of(source));
    }

    @Override
    public Allocation allocate(AllocationProblem problem) {
        problem.require(ID, info().needs());
        var ladders = Ladders.of(problem);
        var share = problem.budget().share(problem.denseCost());
        var start = ladders.meet(
                part -> {
                    var rungs = new int[ladders.sites()];
                    for (var i = 0; i < rungs.length; i++) {
                        rungs[i] = ladders.get(i).within(part * ladders.get(i).denseCost());
                    }
                    return rungs;
                },
                0,
                share >= 1 ? 1 : Math.min(1, 2 * share),
                "FermiGrad's start");
        return new Descent(ladders, START_WIDTH).run(start);
    }

    /// Descends from another plan, with a temperature low enough to stay near it.
    ///
    /// @param start a plan for the same sites within the problem's budget
    /// @return a plan whose estimated loss is not above the start's
    /// @throws IllegalArgumentException if the start costs more than the budget
    Allocation refine(AllocationProblem problem, Allocation start) {
        problem.require(ID, info().needs());
        var ladders = Ladders.of(problem);
        return new Descent(ladders, REFINE_WIDTH).run(ladders.nearest(start));
    }

    /// One descent.
    private final class Descent {
        private final Ladders ladders;
        private final double width;
        private final double[][] losses;
        /// `[site][k + 1]`, loss and cost over rank.
        private final double[][] loss;

        private final double[][] cost;
        private final double[] ranks;

        private Descent(Ladders ladders, double width) {
            this.ladders = ladders;
            this.width = width;
            var sites = ladders.sites();
            losses = new double[sites][];
            loss = new double[sites][];
            cost = new double[sites][];
            ranks = new double[sites];
            for (var i = 0; i < sites; i++) {
                var ladder = ladders.get(i);
                var evidence = ladder.evidence();
                loss[i] = source == Sensitivity.DIVERGENCE
                        ? Curves.falling(evidence.divergence())
                        : Curves.tailEnergy(evidence.singular());
                losses[i] = Curves.onRungs(ladder, loss[i]);
                cost[i] = costs(ladder);
            }
        }

        private Allocation run(int[] start) {
            if (ladders.affordDense()) {
                return finished(ladders.dense());
            }
            for (var i = 0; i < ranks.length; i++) {
                ranks[i] = ladders.get(i).rank(start[i]);
            }
            descend();
            var end = ConvexSpending.spendRest(
                    ladders, losses, ladders.meet(this::shifted, -1, 1, "FermiGrad's floor"), ladders.dense());
            var better =
                    ladders.cost(start) <= ladders.limit() && Curves.total(losses, start) <= Curves.total(losses, end)
                            ? start
                            : end;
            return finished(better)
                    .withNotes(List.of("loss of the start " + Curves.total(losses, start) + ", after " + steps
                            + " steps " + Curves.total(losses, end)));
        }

        private Allocation finished(int[] rungs) {
            var allocation = ladders.allocation(rungs);
            return source == Sensitivity.DIVERGENCE
                    ? allocation.withPredictedLoss(Curves.total(losses, rungs))
                    : allocation;
        }

        private int[] shifted(double shift) {
            var rungs = new int[ranks.length];
            for (var i = 0; i < rungs.length; i++) {
                rungs[i] = ladders.get(i).holding((int) Math.round(moved(i, shift)));
            }
            return rungs;
        }

        private double moved(int site, double shift) {
            var ladder = ladders.get(site);
            var components = ladder.evidence().components();
            return Math.clamp(ranks[site] + shift * components, ladder.rank(0), components);
        }

        private void descend() {
            var first = new double[ranks.length];
            var second = new double[ranks.length];
            for (var step = 1; step <= steps; step++) {
                var progress = step / (double) steps;
                var gradient = gradient(progress);
                for (var i = 0; i < ranks.length; i++) {
                    first[i] = FIRST_DECAY * first[i] + (1 - FIRST_DECAY) * gradient[i];
                    second[i] = SECOND_DECAY * second[i] + (1 - SECOND_DECAY) * gradient[i] * gradient[i];
                    var mean = first[i] / (1 - Math.pow(FIRST_DECAY, step));
                    var scale = Math.sqrt(second[i] / (1 - Math.pow(SECOND_DECAY, step)));
                    if (scale > 0) {
                        ranks[i] = moved(i, -rate * (1 - 0.9 * progress) * mean / scale);
                    }
                }
                backToBudget();
            }
        }

        /// Gradient of the loss with respect to each `μ / k`, less its part along that of the cost.
        private double[] gradient(double progress) {
            var ofLoss = new double[ranks.length];
            var ofCost = new double[ranks.length];
            var along = 0.0;
            var length = 0.0;
            for (var i = 0; i < ranks.length; i++) {
                var components = cost[i].length - 1;
                var coldest = Math.max(1, ladders.problem().rankMultiple());
                var hottest = Math.max(coldest, width * components);
                var temperature = hottest * Math.pow(coldest / hottest, progress);
                ofLoss[i] = components * slope(loss[i], ranks[i], temperature);
                ofCost[i] = components * slope(cost[i], ranks[i], temperature);
                along += ofLoss[i] * ofCost[i];
                length += ofCost[i] * ofCost[i];
            }
            var multiplier = length > 0 ? along / length : 0;
            for (var i = 0; i < ranks.length; i++) {
                ofLoss[i] -= multiplier * ofCost[i];
            }
            return ofLoss;
        }

        private void backToBudget() {
            var low = -1.0;
            var high = 1.0;
            for (var i = 0; i < 50; i++) {
                var middle = (low + high) / 2;
                var total = 0.0;
                for (var site = 0; site < ranks.length; site++) {
                    total += at(cost[site], moved(site, middle));
                }
                if (total <= ladders.limit()) {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            var moved = new double[ranks.length];
            for (var site = 0; site < ranks.length; site++) {
                moved[site] = moved(site, low);
            }
            System.arraycopy(moved, 0, ranks, 0, ranks.length);
        }
    }

    /// Derivative, with respect to the real rank, of a curve over rank read through the Fermi function.
    static double slope(double[] curve, double rank, double temperature) {
        var reach = 40 * temperature;
        var from = (int) Math.max(0, Math.floor(rank - reach));
        var to = (int) Math.min(curve.length - 1.0, Math.ceil(rank + reach));
        var sum = 0.0;
        for (var i = from; i < to; i++) {
            var kept = 1 / (1 + Math.exp((i + 0.5 - rank) / temperature));
            sum += (curve[i + 1] - curve[i]) * kept * (1 - kept) / temperature;
        }
        return sum;
    }

    private static double at(double[] curve, double rank) {
        var below = (int) Math.min(Math.floor(rank), curve.length - 2.0);
        return curve[below] + (rank - below) * (curve[below + 1] - curve[below]);
    }

    /// Cost over rank, `[k + 1]`: straight lines from 0 through the rungs.
    private static double[] costs(Ladder ladder) {
        var costs = new double[ladder.evidence().components() + 1];
        var rank = 0;
        var cost = 0.0;
        for (var rung = 0; rung < ladder.size(); rung++) {
            var next = ladder.rank(rung);
            var up = ladder.cost(rung);
            for (var r = rank + 1; r <= next; r++) {
                costs[r] = cost + (up - cost) * (r - rank) / (next - rank);
            }
            rank = next;
            cost = up;
        }
        Arrays.fill(costs, rank, costs.length, cost);
        return costs;
    }
}
