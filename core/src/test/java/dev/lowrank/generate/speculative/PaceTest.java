package dev.lowrank.generate.speculative;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class PaceTest {
    private static final int ROOM = 100;

    /// A pace that has seen what things cost.
    ///
    /// @param guess seconds of a guess; a plain step takes 1
    /// @param more seconds that a verification takes for each token more than one
    /// @param right how many of the first guesses are right
    private static Pace measured(double guess, double more, int right) {
        var pace = Pace.measured(8);
        for (var i = 0; i < 50 && !pace.isOff(); i++) {
            var count = pace.next(ROOM);
            if (count == 0) {
                // The first steps are slow, as those of a cold machine are.
                pace.stepped(i < 3 ? 10 : 1);
            } else {
                pace.guessed(guess);
                pace.verified(count, Math.min(count, right), 1 + more * count);
            }
        }
        if (pace.next(ROOM) == 0) {
            pace.stepped(1);
        }
        return pace;
    }

    @Test
    void cheapGuessesThatAreRightAreMadeInPlenty() {
        var pace = measured(0.05, 0.02, 8);
        assertThat(pace.next(ROOM)).isEqualTo(8);
        assertThat(pace.bestGain()).isGreaterThan(4);
        assertThat(pace.isOff()).isFalse();
    }

    @Test
    void guessesThatAreOftenWrongAreFew() {
        var pace = measured(0.2, 0.1, 1);
        assertThat(pace.next(ROOM)).isBetween(1, 2);
    }

    @Test
    void guessesThatAreWrongAreGivenUp() {
        var pace = measured(0.2, 0.05, 0);
        assertThat(pace.next(ROOM)).isZero();
        assertThat(pace.isOff()).isTrue();
        var gain = pace.bestGain();
        assertThat(gain).isLessThan(1);
        // Steps grow slower as the text grows, which says nothing of a draft that is not asked any more.
        for (var i = 0; i < 20; i++) {
            pace.stepped(5);
        }
        assertThat(pace.bestGain()).isEqualTo(gain);
    }

    @Test
    void guessesAreGivenUpWhereVerifyingTakesAsLongAsSteps() {
        var pace = measured(0.1, 1, 8);
        assertThat(pace.isOff()).isTrue();
    }

    @Test
    void aFixedNumberIsKeptWhateverItCosts() {
        var pace = Pace.always(3);
        pace.guessed(100);
        pace.verified(3, 0, 1000);
        assertThat(pace.next(ROOM)).isEqualTo(3);
        assertThat(pace.next(2)).isEqualTo(2);
        assertThat(pace.next(0)).isZero();
        assertThat(pace.isOff()).isFalse();
        assertThatThrownBy(() -> Pace.always(0)).isInstanceOf(IllegalArgumentException.class);
    }
}
