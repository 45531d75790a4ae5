package dev.lowrank.explore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.explore.Constraint.Relation;
import java.util.List;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SearchTest {
    private static final List<Double> SHARES = List.of(0.9, 0.7, 0.5, 0.3);

    private static List<int[]> uniform() {
        return SHARES.stream().map(Bowl::uniform).toList();
    }

    @ParameterizedTest
    @ValueSource(strings = {"greedy", "bayes", "nsga2"})
    void theSameSeedMeasuresTheSameInTheSameOrder(String id) {
        var first = new Bowl();
        var second = new Bowl();
        var all = Search.of(id).run(first.task(80, 7, List.of(), uniform()));
        assertThat(Search.of(id).run(second.task(80, 7, List.of(), uniform()))).isEqualTo(all);
        assertThat(second.asked).isEqualTo(first.asked);
    }

    @ParameterizedTest
    @ValueSource(strings = {"greedy", "bayes", "nsga2"})
    void nothingIsMeasuredTwiceNorMoreThanAllowed(String id) {
        var bowl = new Bowl();
        var all = Search.of(id).run(bowl.task(60, 1, List.of(), uniform()));
        assertThat(bowl.asked).doesNotHaveDuplicates().hasSize(all.size()).hasSizeLessThanOrEqualTo(60);
        assertThat(all.getFirst().configuration()).isEqualTo(Configuration.DENSE);
    }

    @ParameterizedTest
    @ValueSource(strings = {"greedy", "bayes", "nsga2"})
    void theFrontBeatsEqualSharesAtEveryBudget(String id) {
        var bowl = new Bowl();
        var all = Search.of(id).run(bowl.task(200, 3, List.of(), uniform()));
        var front =
                ParetoFront.of(all, Bowl.OBJECTIVES, List.of(), all.getFirst().measures());
        for (var share : SHARES) {
            var equal = bowl.evaluate(Bowl.SPACE.configuration(Bowl.uniform(share)));
            var best = front.within(equal.size().bytes(), Bowl.OBJECTIVES.getFirst())
                    .orElseThrow();
            assertThat(best.measures().require("loss")).isLessThan(equal.require("loss"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"bayes", "nsga2"})
    void aSearchFindsMoreThanChance(String id) {
        var bowl = new Bowl();
        var all = Search.of(id).run(bowl.task(150, 3, List.of(), uniform()));
        var best = all.stream()
                .filter(each -> each.measures().size().bytes()
                        <= Bowl.sized(half()).size().bytes())
                .mapToDouble(each -> each.measures().require("loss"))
                .min()
                .orElseThrow();
        var random = new java.util.SplittableRandom(3);
        var chance = DoubleStream.generate(() -> {
                    var point =
                            Bowl.SPACE.within(random.doubles(Bowl.SPACE.sites()).toArray());
                    var measures = bowl.evaluate(Bowl.SPACE.configuration(point));
                    return measures.size().bytes() <= Bowl.sized(half()).size().bytes()
                            ? measures.require("loss")
                            : Double.POSITIVE_INFINITY;
                })
                .limit(150)
                .min()
                .orElseThrow();
        assertThat(best).isLessThan(chance);
    }

    private static Configuration half() {
        return Bowl.SPACE.configuration(Bowl.uniform(0.5));
    }

    @ParameterizedTest
    @ValueSource(strings = {"bayes", "nsga2"})
    void whatSizesAloneForbidIsNotMeasured(String id) {
        var bowl = new Bowl();
        var constraint = new Constraint("bytes", Relation.AT_MOST, -0.4, true, "bytes<=-40%");
        var all = Search.of(id).run(bowl.task(60, 3, List.of(constraint), List.of(Bowl.uniform(0.5))));
        var dense = all.getFirst().measures();
        assertThat(all.subList(1, all.size()))
                .hasSizeGreaterThan(20)
                .allMatch(each -> constraint.violation(each.measures(), dense) == 0);
        var front = ParetoFront.of(all, Bowl.OBJECTIVES, List.of(constraint), dense);
        assertThat(front.members())
                .isNotEmpty()
                .noneMatch(each -> each.configuration().isDense());
    }

    @Test
    void qualityMayBeBoundedToo() {
        var bowl = new Bowl();
        var constraint = new Constraint("loss", Relation.AT_MOST, 0.5, true, "loss<=+50%");
        var all = Search.of("nsga2").run(bowl.task(120, 3, List.of(constraint), uniform()));
        var front = ParetoFront.of(
                all, Bowl.OBJECTIVES, List.of(constraint), all.getFirst().measures());
        assertThat(front.members())
                .hasSizeGreaterThan(3)
                .allMatch(each -> each.measures().require("loss") <= 1.5);
    }

    @ParameterizedTest
    @ValueSource(strings = {"greedy", "bayes", "nsga2"})
    void aSearchThatIsStoppedGoesOnWhereItWasThroughWhatIsStored(String id) {
        var whole = new Bowl();
        var all = Search.of(id).run(whole.task(70, 5, List.of(), uniform()));
        for (var stop : new int[] {1, 9, 40}) {
            var stored = new Stored(new Bowl(), stop);
            var search = Search.of(id);
            assertThatThrownBy(() -> search.run(task(stored))).isInstanceOf(Stored.Killed.class);
            stored.lives = Integer.MAX_VALUE;
            assertThat(search.run(task(stored))).isEqualTo(all);
            assertThat(stored.bowl.asked)
                    .as("measured twice")
                    .doesNotHaveDuplicates()
                    .hasSize(all.size());
        }
    }

    private static SearchTask task(Stored stored) {
        return new SearchTask(Bowl.SPACE, uniform(), stored, Bowl::sized, Bowl.OBJECTIVES, List.of(), 70, 5);
    }

    /// Keeps what was measured, and dies.
    private static final class Stored implements Evaluator {
        private final Bowl bowl;
        private final java.util.Map<Configuration, Measures> known = new java.util.HashMap<>();
        private int lives;

        private Stored(Bowl bowl, int lives) {
            this.bowl = bowl;
            this.lives = lives;
        }

        private static final class Killed extends RuntimeException {
            private static final long serialVersionUID = 1L;
        }

        @Override
        public Measures evaluate(Configuration configuration) {
            return known.computeIfAbsent(configuration, any -> {
                if (lives-- == 0) {
                    throw new Killed();
                }
                return bowl.evaluate(any);
            });
        }
    }
}
