package dev.lowrank.explore;

import dev.lowrank.compress.allocate.Ladder;
import io.jenetics.Genotype;
import io.jenetics.IntegerChromosome;
import io.jenetics.IntegerGene;
import io.jenetics.Mutator;
import io.jenetics.Optimize;
import io.jenetics.Phenotype;
import io.jenetics.UniformCrossover;
import io.jenetics.engine.Engine;
import io.jenetics.engine.EvolutionStream;
import io.jenetics.ext.moea.NSGA2Selector;
import io.jenetics.ext.moea.UFTournamentSelector;
import io.jenetics.ext.moea.Vec;
import io.jenetics.util.ISeq;
import io.jenetics.util.RandomRegistry;
import io.jenetics.util.Seq;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/// The genetic search for a whole front: Deb et al., A fast and elitist multiobjective genetic algorithm:
/// NSGA-II, IEEE Transactions on Evolutionary Computation 6(2), 2002, as Jenetics has it. One gene a site,
/// its place on the ladder.
///
/// A configuration beyond a constraint loses against every one within all, and of two beyond the nearer one
/// wins; where sizes alone say that it is beyond, it is not measured. What is returned is everything that
/// was measured, not the last population.
///
/// @param population configurations of a generation
/// @param mutation share of the genes that change
/// @param reach standard deviation of a change, as a share of the ladder
record Nsga2Search(int population, double mutation, double reach) implements Search {
    static final Nsga2Search DEFAULT = new Nsga2Search(24, 0.08, 0.15);

    /// Worse than every cost within the constraints.
    private static final double BEYOND = 1e15;

    /// A mutation that lifts a site to the dense matrix, or takes it down from there.
    private static final double LEAP = 0.1;

    /// Generations in a row that may pass without a new configuration.
    private static final int IDLE = 200;

    Nsga2Search {
        if (population < 4 || !(mutation > 0 && mutation <= 1) || !(reach > 0)) {
            throw new IllegalArgumentException("NSGA-II takes a population of at least 4, a mutation in (0, 1] and a"
                    + " reach above 0, not " + population + ", " + mutation + " and " + reach);
        }
    }

    @Override
    public String id() {
        return "nsga2";
    }

    @Override
    public List<Evaluated> run(SearchTask task) {
        var log = new SearchLog(task);
        var judge = new Judge(log);
        // On this thread alone: other threads would draw in an order of their own.
        RandomRegistry.with(new Random(task.seed())).run(() -> evolve(log, judge));
        return log.all();
    }

    private void evolve(SearchLog log, Judge judge) {
        var space = log.task().space();
        var first = founders(log);
        var engine = new Engine.Builder<IntegerGene, Vec<double[]>>(
                        judge::evaluate, () -> genotype(space, anywhere(space)))
                .optimize(Optimize.MINIMUM)
                .populationSize(Math.max(population, first.size()))
                .offspringFraction(0.8)
                .survivorsSelector(NSGA2Selector.ofVec())
                .offspringSelector(UFTournamentSelector.ofVec())
                .alterers(new UniformCrossover<>(0.9, 0.3), new Steps(mutation, reach))
                .executor(Runnable::run)
                .build();
        EvolutionStream<IntegerGene, Vec<double[]>> generations = engine.stream(first);
        var measured = new int[] {0, 0}; // how many, and for how many generations it was so
        generations
                .takeWhile(any -> {
                    var now = log.all().size();
                    measured[1] = now == measured[0] ? measured[1] + 1 : 0;
                    measured[0] = now;
                    return !log.spent() && measured[1] < IDLE;
                })
                .forEach(any -> {});
    }

    /// The seeds and the dense model; the others of the first population are drawn.
    private ISeq<Genotype<IntegerGene>> founders(SearchLog log) {
        var space = log.task().space();
        var points = new ArrayList<>(log.task().seeds());
        points.add(space.dense());
        return ISeq.of(points.stream().map(point -> genotype(space, point)).toList());
    }

    private static int[] anywhere(SearchSpace space) {
        var random = RandomRegistry.random();
        var share = 0.2 + 0.8 * random.nextDouble();
        var shares = new double[space.sites()];
        for (var i = 0; i < shares.length; i++) {
            shares[i] = Math.clamp(share + 0.2 * random.nextGaussian(), 0.05, 1);
        }
        return space.within(shares);
    }

    /// Jenetics wants one range for all genes of a chromosome: that of the longest ladder, on which shorter
    /// ones are stretched.
    private static Genotype<IntegerGene> genotype(SearchSpace space, int[] point) {
        var range = range(space);
        var genes = IntStream.range(0, point.length)
                .mapToObj(i -> {
                    var top = space.ladders().get(i).dense();
                    var allele = top == 0 ? range - 1 : Math.round((double) point[i] * (range - 1) / top);
                    return IntegerGene.of((int) allele, 0, range);
                })
                .toArray(IntegerGene[]::new);
        return Genotype.of(IntegerChromosome.of(genes));
    }

    private static int range(SearchSpace space) {
        return Math.max(2, space.ladders().stream().mapToInt(Ladder::size).max().orElse(2));
    }

    /// What [#genotype] made of it; every place of a shorter ladder comes back as it was.
    private static int[] point(SearchSpace space, Genotype<IntegerGene> genotype) {
        var range = range(space);
        var genes = genotype.chromosome();
        return IntStream.range(0, space.sites())
                .map(i -> (int) Math.round((double) genes.get(i).intValue()
                        * space.ladders().get(i).dense()
                        / (range - 1)))
                .toArray();
    }

    /// Gives points their costs, one after the other.
    private record Judge(SearchLog log) {
        ISeq<Phenotype<IntegerGene, Vec<double[]>>> evaluate(Seq<Phenotype<IntegerGene, Vec<double[]>>> generation) {
            return ISeq.of(generation.stream()
                    .map(each -> each.isEvaluated() ? each : each.withFitness(costs(each)))
                    .toList());
        }

        private Vec<double[]> costs(Phenotype<IntegerGene, Vec<double[]>> one) {
            var point = point(log.task().space(), one.genotype());
            var objectives = log.task().objectives();
            var costs = new double[objectives.size()];
            var ahead = log.violationAhead(point);
            var measures = ahead > 0 ? null : log.measure(point);
            if (measures == null) {
                Arrays.fill(costs, BEYOND * (1 + ahead));
                return Vec.of(costs);
            }
            var beyond = log.violation(measures);
            for (var i = 0; i < costs.length; i++) {
                costs[i] =
                        beyond > 0 ? BEYOND * (1 + beyond) : objectives.get(i).cost(measures);
            }
            return Vec.of(costs);
        }
    }

    /// Moves sites along their ladders.
    private static final class Steps extends Mutator<IntegerGene, Vec<double[]>> {
        private final double reach;

        private Steps(double probability, double reach) {
            super(probability);
            this.reach = reach;
        }

        @Override
        protected IntegerGene mutate(IntegerGene gene, RandomGenerator random) {
            var top = gene.max() - 1;
            var leaps = random.nextDouble() < LEAP;
            var step = random.nextGaussian() * reach * top;
            if (leaps && gene.intValue() < top) {
                return gene.newInstance(top);
            }
            var far = (int) (step < 0 ? Math.floor(step) : Math.ceil(step));
            return gene.newInstance(Math.clamp(gene.intValue() + (long) far, 0, top));
        }
    }
}
