package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.compress.BoundSearch.Cut;
import dev.lowrank.compress.BoundSearch.Missed;
import dev.lowrank.compress.BoundSearch.Round;
import dev.lowrank.compress.BoundSearch.Take;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BoundSearchTest {
    private static final double BOUND = 0.05;

    @ParameterizedTest
    @ValueSource(doubles = {0.3, 0.6, 0.97, 1.05, 1.8, 6})
    void whatIsTakenUsesTheBoundAndNeverMore(double ratio) {
        var end = search(trial -> ratio * Math.pow(trial / BOUND, 0.2) * trial);
        var taken = end.rounds().get(end.chosen());
        assertThat(taken.written()).isBetween(0.8 * BOUND, BOUND);
        assertThat(end.rounds().size()).isLessThanOrEqualTo(4);
        assertThat(end.validated().increase()).isEqualTo(Math.expm1(taken.written()));
        assertThat(end.notes()).filteredOn(note -> note.endsWith("(taken)")).hasSize(1);
    }

    @Test
    void aRoundBeyondTheBoundIsNeverTaken() {
        var end = search(trial -> trial <= BOUND ? 0.3 * trial : 10 * trial); // a cliff behind the first round
        assertThat(end.rounds().get(end.chosen()).written()).isLessThanOrEqualTo(BOUND);
        assertThat(end.rounds()).anyMatch(round -> round.written() > BOUND);
    }

    @Test
    void whereNoCutIsWithinTheBoundNothingIsCut() {
        var end = search(trial -> trial > 0 ? 1 + trial : 0.01);
        assertThat(end.rounds().get(end.chosen()).trial()).isZero();
        assertThat(end.rounds().size()).isLessThanOrEqualTo(5);
    }

    @Test
    void aBoundThatTheModelWithNothingCutMissesIsMissed() {
        var none =
                new BoundSearch(BOUND, 3, List.of(new Round(0.8, 0.04, 0.2, true), new Round(1, 0, 0.06, false)), null);
        assertThat(none.next(false)).isInstanceOf(Missed.class);
    }

    @Test
    void aCutWhoseTrialGainedIsNotTakenForTheModelItself() {
        var gained = new BoundSearch(BOUND, 3, List.of(new Round(0.1, 0, 0.2, true)), null);
        assertThat(gained.next(false)).isEqualTo(new Cut(0));
    }

    @Test
    void ranksThatWereCutBeforeEndTheSearch() {
        var within = new BoundSearch(BOUND, 3, List.of(new Round(0.8, 0.04, 0.02, true)), null);
        assertThat(within.next(false)).isInstanceOf(Cut.class);
        assertThat(within.next(true)).isEqualTo(new Take(0));
        var beyond = new BoundSearch(BOUND, 3, List.of(new Round(0.8, 0.04, 0.2, true)), null);
        assertThat(beyond.next(true)).isEqualTo(new Cut(0));
    }

    /// Trials reach their bound exactly.
    private static BoundSearch search(DoubleUnaryOperator written) {
        var search = new BoundSearch(BOUND, 3, List.of(), null);
        while (search.chosen() == null) {
            search = switch (search.next(false)) {
                case Take take -> search.taking(take.round());
                case Cut cut ->
                    search.with(new Round(
                            1 - cut.trialBound(),
                            cut.trialBound(),
                            written.applyAsDouble(cut.trialBound()),
                            cut.trialBound() > 0));
                case Missed _ -> throw new AssertionError("missed");
            };
        }
        return search;
    }
}
