package dev.lowrank.recover;

import dev.lowrank.text.TrainingSet;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/// Which windows a step sees: the texts take turns, and each goes through all its windows in an order of
/// its own that is drawn anew every time round. A function of the seed and the step alone.
final class BatchOrder {
    private final TrainingSet set;
    private final long seed;
    private final int[] firsts;
    private final Map<Integer, Drawn> drawn = new HashMap<>();

    /// @param seed decides the orders
    BatchOrder(TrainingSet set, long seed) {
        this.set = set;
        this.seed = seed;
        this.firsts = new int[set.texts()];
        for (var text = 1; text < firsts.length; text++) {
            firsts[text] = firsts[text - 1] + set.windows(text - 1);
        }
    }

    /// A window of the set.
    ///
    /// @param number from 0, through all texts
    /// @param tokens its token ids
    record Window(int number, int[] tokens) {}

    private record Drawn(long round, int[] order) {}

    /// The windows of a step.
    ///
    /// @param step from 0
    /// @param size how many
    List<Window> batch(long step, int size) {
        var windows = new ArrayList<Window>(size);
        for (var i = step * size; i < (step + 1) * size; i++) {
            windows.add(window(i));
        }
        return windows;
    }

    private Window window(long place) {
        var text = (int) (place % set.texts());
        var turn = place / set.texts();
        var count = set.windows(text);
        var index = order(text, turn / count)[(int) (turn % count)];
        return new Window(firsts[text] + index, set.window(text, index));
    }

    private int[] order(int text, long round) {
        var known = drawn.get(text);
        if (known == null || known.round() != round) {
            known = new Drawn(round, shuffled(set.windows(text), text, round));
            drawn.put(text, known);
        }
        return known.order();
    }

    private int[] shuffled(int count, int text, long round) {
        var random = new SplittableRandom(seed + 31L * text + 1_000_003L * round);
        var order = new int[count];
        for (var i = 0; i < count; i++) {
            var other = random.nextInt(i + 1);
            order[i] = order[other];
            order[other] = i;
        }
        return order;
    }
}
