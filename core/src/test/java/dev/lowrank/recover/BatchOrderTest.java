package dev.lowrank.recover;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.text.TextIdentity;
import dev.lowrank.text.TrainingSet;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BatchOrderTest {
    private static final TrainingSet SET = TrainingSet.of(
            List.of(windows(0, 5), windows(5, 3)),
            List.of(new TextIdentity.Source("a", "", 10), new TextIdentity.Source("b", "", 6)));

    @Test
    void textsTakeTurnsAndEachRoundSeesEveryWindowOnce() {
        var order = new BatchOrder(SET, 7);
        var first = new ArrayList<Integer>();
        var second = new ArrayList<Integer>();
        for (var step = 0; step < 15; step++) {
            for (var window : order.batch(step, 2)) {
                assertThat(window.tokens()[0]).isEqualTo(window.number());
                (window.number() < 5 ? first : second).add(window.number());
            }
        }
        assertThat(first).hasSize(15);
        for (var round = 0; round < 3; round++) {
            assertThat(first.subList(5 * round, 5 * round + 5)).containsExactlyInAnyOrder(0, 1, 2, 3, 4);
        }
        for (var round = 0; round < 5; round++) {
            assertThat(second.subList(3 * round, 3 * round + 3)).containsExactlyInAnyOrder(5, 6, 7);
        }
        assertThat(first.subList(0, 5)).isNotEqualTo(first.subList(5, 10));
    }

    @Test
    void aStepIsAFunctionOfTheSeedAlone() {
        var forwards = new BatchOrder(SET, 7);
        var numbers = new ArrayList<List<Integer>>();
        for (var step = 0; step < 9; step++) {
            numbers.add(numbers(forwards, step));
        }
        assertThat(numbers(new BatchOrder(SET, 7), 8)).isEqualTo(numbers.get(8));
        assertThat(numbers(forwards, 2)).isEqualTo(numbers.get(2));
        assertThat(numbers(new BatchOrder(SET, 8), 0)).isNotEqualTo(numbers.get(0));
    }

    private static List<Integer> numbers(BatchOrder order, long step) {
        return order.batch(step, 4).stream().map(BatchOrder.Window::number).toList();
    }

    private static List<int[]> windows(int first, int count) {
        var windows = new ArrayList<int[]>();
        for (var i = 0; i < count; i++) {
            windows.add(new int[] {first + i, 0});
        }
        return windows;
    }
}
