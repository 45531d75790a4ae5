package dev.lowrank.app;

import dev.lowrank.compress.Candidates;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.Ladder;
import dev.lowrank.explore.Configuration;
import dev.lowrank.explore.Constraint;
import dev.lowrank.explore.Constraint.Relation;
import dev.lowrank.explore.DesignSpace;
import dev.lowrank.explore.Evaluated;
import dev.lowrank.explore.LatencyLine;
import dev.lowrank.explore.Measures;
import dev.lowrank.explore.ModelEvaluator;
import dev.lowrank.explore.Objective;
import dev.lowrank.explore.ParetoFront;
import dev.lowrank.explore.QualityMeter;
import dev.lowrank.explore.Search;
import dev.lowrank.explore.SearchSpace;
import dev.lowrank.explore.SearchTask;
import dev.lowrank.explore.SeedPlan;
import dev.lowrank.explore.Sweep;
import dev.lowrank.model.Progress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// What was found out about a model's design space.
///
/// @param space the space
/// @param dense measures of the original
/// @param sweeps in the order asked for
/// @param searched null without a search
record Exploration(
        DesignSpace space,
        Measures dense,
        List<Swept> sweeps,
        @Nullable Searched searched) {
    /// Shares that the knapsack's plans are asked at, besides those of the others.
    private static final List<Double> MORE_SHARES = List.of(0.95, 0.85, 0.75, 0.65, 0.55, 0.45, 0.35);

    /// A sweep that was measured.
    ///
    /// @param rows in its order
    record Swept(Sweep sweep, List<Row> rows) {
        /// @param at what varies
        /// @param found what it is worth
        record Row(String at, Evaluated found) {}
    }

    /// A search that was made.
    ///
    /// @param objectives what was traded off
    /// @param constraints what had to hold
    /// @param all everything that was measured, the original first
    /// @param front what to choose from
    /// @param members those of the front that were measured as they would be written, spread over it
    /// @param uniform equal shares, for comparison
    record Searched(
            Search search,
            List<Objective> objectives,
            List<Constraint> constraints,
            List<Evaluated> all,
            ParetoFront front,
            List<Member> members,
            List<Baseline> uniform) {
        /// The best of the front within the bytes of a baseline, in the first objective.
        @Nullable
        Evaluated against(Baseline baseline) {
            return front.within(baseline.member().found().measures().size().bytes(), objectives.getFirst())
                    .orElse(null);
        }

        /// The evaluated configuration that is least beyond the constraints.
        Evaluated nearest(Measures dense) {
            return all.stream()
                    .min(Comparator.comparingDouble(each -> constraints.stream()
                            .mapToDouble(constraint -> constraint.violation(each.measures(), dense))
                            .sum()))
                    .orElseThrow();
        }
    }

    /// A configuration measured exactly as it would be written.
    ///
    /// @param stored its figures on the texts that chose and on those that did not
    record Member(Evaluated found, SortedMap<String, Double> stored) {}

    /// An allocator's plan.
    ///
    /// @param keep share of the sites' bytes asked for
    record Baseline(String allocator, double keep, Member member) {}

    /// What is asked for.
    ///
    /// @param meters what decides
    /// @param checks what only tells
    /// @param timed whether the speed of the front's members is measured
    /// @param timedAll whether that of everything swept is too
    /// @param estimates whether allocators may read estimated divergences
    /// @param members of the front that are measured as written
    record Order(
            ExploreOptions options,
            List<QualityMeter> meters,
            List<QualityMeter> checks,
            boolean timed,
            boolean timedAll,
            boolean estimates,
            int members,
            long seed) {
        /// Everything that is measured of each configuration.
        List<QualityMeter.Figure> figures() {
            return meters.stream().flatMap(meter -> meter.figures().stream()).toList();
        }

        List<String> qualities() {
            return meters.stream()
                    .flatMap(meter -> meter.figures().stream())
                    .map(QualityMeter.Figure::name)
                    .toList();
        }

        List<Objective> objectives() {
            var larger = new HashSet<String>();
            meters.forEach(meter -> meter.figures().stream()
                    .filter(QualityMeter.Figure::larger)
                    .forEach(figure -> larger.add(figure.name())));
            return options.objectives(qualities(), larger);
        }
    }

    /// Explores.
    static Exploration run(Order order, Candidates candidates, ModelEvaluator evaluator, Progress progress) {
        return new Run(order, candidates, evaluator, progress).run();
    }

    /// The design space of candidates.
    static DesignSpace space(Candidates candidates) {
        var most = Ladder.all(candidates.shapes()).stream()
                .filter(ladder -> ladder.size() > 1)
                .mapToInt(ladder -> ladder.rank(ladder.dense() - 1))
                .max()
                .orElse(0);
        return UsageErrors.check(() -> DesignSpace.of(candidates.sites(), most));
    }

    private record Run(Order order, Candidates candidates, ModelEvaluator evaluator, Progress progress) {
        Exploration run() {
            var space = space(candidates);
            var objectives = order.objectives();
            var constraints = order.options().constraints(order.qualities());
            var asked = order.options().sweeps(space);
            var ladders = new SearchSpace(Ladder.all(candidates.shapes()));
            requireReachable(constraints, ladders);
            var dense = evaluator.evaluate(Configuration.DENSE);
            if (order.timed()) {
                dense = dense.withSpeed(evaluator.speed(Configuration.DENSE));
            }
            var sweeps = asked.stream().map(sweep -> sweep(sweep, space)).toList();
            var searched = order.options().searches() ? search(ladders, objectives, constraints, dense) : null;
            return new Exploration(space, dense, sweeps, searched);
        }

        private Swept sweep(Sweep sweep, DesignSpace space) {
            var rows = new ArrayList<Swept.Row>();
            var points = sweep.points(space);
            for (var point : points) {
                progress.step("sweep " + sweep.kind().id(), rows.size(), points.size());
                var configuration = evaluator.canonical(point.configuration());
                var measures = evaluator.evaluate(configuration);
                var timed = order.timedAll() ? measures.withSpeed(evaluator.speed(configuration)) : measures;
                rows.add(new Swept.Row(point.at(), new Evaluated(configuration, timed)));
            }
            progress.step("sweep " + sweep.kind().id(), points.size(), points.size());
            return new Swept(sweep, rows);
        }

        private Searched search(
                SearchSpace ladders, List<Objective> objectives, List<Constraint> constraints, Measures dense) {
            var others = order.estimates() ? List.of("energy", "knapsack") : List.of("energy");
            var allocators =
                    Stream.concat(Stream.of("uniform"), others.stream()).toList();
            var uniform = SeedPlan.of(candidates, List.of("uniform"), SeedPlan.SHARES);
            var plans = new ArrayList<>(uniform);
            uniform.forEach(equal -> plans.addAll(beside(equal, others)));
            plans.addAll(SeedPlan.of(candidates, List.of(others.getLast()), MORE_SHARES));
            if (reads(Measures.LATENCY, objectives, constraints)) {
                estimateLatency(uniform, ladders);
            }
            var seeds = new ArrayList<>(
                    plans.stream().map(plan -> ladders.point(plan.allocation())).toList());
            seeds.addAll(0, atBound(allocators, constraints, ladders, dense));
            var task = new SearchTask(
                    ladders,
                    seeds,
                    configuration -> evaluator.evaluate(configuration),
                    evaluator::sized,
                    objectives,
                    constraints,
                    order.options().evaluations(),
                    order.seed());
            var search = order.options().search();
            var all = search.run(counting(task, search));
            var front =
                    ParetoFront.of(all, objectives, constraints, all.getFirst().measures());
            return new Searched(
                    search, objectives, constraints, all, front, members(front), baselines(uniform, ladders));
        }

        /// What other allocators make of the very bytes that equal shares take.
        private List<SeedPlan> beside(SeedPlan equal, List<String> others) {
            var bytes = new Budget.Absolute(CostUnit.BYTES, equal.allocation().cost());
            return others.stream()
                    .flatMap(id ->
                            SeedPlan.spend(candidates, id, bytes)
                                    .map(plan -> new SeedPlan(id, equal.keep(), plan))
                                    .stream())
                    .toList();
        }

        private SearchTask counting(SearchTask task, Search search) {
            var done = new int[1];
            return new SearchTask(
                    task.space(),
                    task.seeds(),
                    configuration -> {
                        progress.step("search " + search.id(), done[0]++, task.evaluations());
                        return task.evaluator().evaluate(configuration);
                    },
                    task.sizes(),
                    task.objectives(),
                    task.constraints(),
                    task.evaluations(),
                    task.seed());
        }

        private static boolean reads(String measure, List<Objective> objectives, List<Constraint> constraints) {
            return Stream.concat(
                            objectives.stream().map(Objective::measure),
                            constraints.stream().map(Constraint::measure))
                    .anyMatch(measure::equals);
        }

        /// Through the original and equal shares of a half, or the nearest there is.
        private void estimateLatency(List<SeedPlan> uniform, SearchSpace ladders) {
            if (uniform.isEmpty()) {
                throw new CommandException(
                        ExitCode.USAGE,
                        "Latencies are estimated from a model with equal ranks, but the sites are too small for one.",
                        "Leave latency out.");
            }
            var half = uniform.stream()
                    .min(Comparator.comparingDouble(plan -> Math.abs(plan.keep() - 0.5)))
                    .orElseThrow();
            var small = ladders.configuration(ladders.point(half.allocation()));
            evaluator.estimateBy(LatencyLine.through(timed(Configuration.DENSE), timed(small)));
        }

        private Measures timed(Configuration configuration) {
            return evaluator.sized(configuration).withSpeed(evaluator.speed(configuration));
        }

        /// Plans that spend all that a bound on bytes allows.
        private List<int[]> atBound(
                List<String> allocators, List<Constraint> constraints, SearchSpace ladders, Measures dense) {
            var points = new ArrayList<int[]>();
            for (var constraint : constraints) {
                if (constraint.measure().equals(Measures.BYTES) && constraint.relation() == Relation.AT_MOST) {
                    var besides = dense.size().bytes() - ladders.cost(ladders.dense());
                    var amount = (long) Math.floor(constraint.limit(dense)) - besides;
                    for (var id : amount < 1 ? List.<String>of() : allocators) {
                        SeedPlan.spend(candidates, id, new Budget.Absolute(CostUnit.BYTES, amount))
                                .ifPresent(plan -> points.add(ladders.point(plan)));
                    }
                }
            }
            return points;
        }

        /// Refuses a bound on a size that no rank meets.
        private void requireReachable(List<Constraint> constraints, SearchSpace ladders) {
            var dense = evaluator.sized(Configuration.DENSE);
            var lowest = evaluator.sized(ladders.configuration(ladders.lowest()));
            for (var constraint : constraints) {
                if (!Measures.isSize(constraint.measure())) {
                    continue;
                }
                var nearest = constraint.relation() == Relation.AT_MOST ? lowest : dense;
                if (constraint.violation(nearest, dense) > 0) {
                    throw new CommandException(
                            ExitCode.USAGE,
                            "The constraint " + constraint.text() + " cannot be met: the bound is "
                                    + Figures.count(Math.round(constraint.limit(dense))) + " "
                                    + constraint.measure() + ".",
                            "The nearest that the ranks of these sites reach is "
                                    + Figures.count(Math.round(nearest.require(constraint.measure()))) + " ("
                                    + Figures.decimal(
                                            100
                                                    * (nearest.require(constraint.measure())
                                                                    / dense.require(constraint.measure())
                                                            - 1),
                                            1)
                                    + "%).");
                }
            }
        }

        private List<Member> members(ParetoFront front) {
            var all = front.members();
            var chosen = new LinkedHashMap<Configuration, Evaluated>();
            var count = Math.min(order.members(), all.size());
            for (var i = 0; i < count; i++) {
                var one = all.get(count == 1 ? 0 : (int) Math.round((double) i * (all.size() - 1) / (count - 1)));
                chosen.put(one.configuration(), one);
            }
            var members = new ArrayList<Member>();
            for (var one : chosen.values()) {
                progress.step("front", members.size(), chosen.size());
                members.add(member(one, order.timed()));
            }
            return members;
        }

        private List<Baseline> baselines(List<SeedPlan> uniform, SearchSpace ladders) {
            var rows = new ArrayList<Baseline>();
            for (var plan : uniform) {
                progress.step("equal shares", rows.size(), uniform.size());
                var configuration = ladders.configuration(ladders.point(plan.allocation()));
                var found = new Evaluated(configuration, evaluator.evaluate(configuration));
                rows.add(new Baseline(plan.allocator(), plan.keep(), member(found, order.timed())));
            }
            return rows;
        }

        private Member member(Evaluated found, boolean timed) {
            var judges = Stream.concat(order.meters().stream(), order.checks().stream())
                    .toList();
            var stored = evaluator.stored(found.configuration(), judges);
            var measures =
                    timed ? found.measures().withSpeed(evaluator.speed(found.configuration())) : found.measures();
            return new Member(new Evaluated(found.configuration(), measures), stored);
        }
    }

    /// Everything that was measured, each once: the original, what was swept, what was searched.
    Map<Configuration, Measures> configurations() {
        var all = new LinkedHashMap<Configuration, Measures>();
        all.put(Configuration.DENSE, dense);
        sweeps.forEach(swept -> swept.rows().forEach(row -> put(all, row.found())));
        if (searched != null) {
            searched.all().forEach(each -> put(all, each));
            searched.members().forEach(member -> put(all, member.found()));
            searched.uniform().forEach(row -> put(all, row.member().found()));
        }
        return all;
    }

    /// What has a speed stays.
    private static void put(Map<Configuration, Measures> all, Evaluated found) {
        all.merge(
                found.configuration(),
                found.measures(),
                (before, now) -> now.speed() == null && before.speed() != null ? before : now);
    }
}
