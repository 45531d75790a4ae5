package dev.lowrank.evaluate.task;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;

/// The random numbers of CPython's `random.Random`, so that examples are drawn as lm-evaluation-harness
/// draws them: the Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), seeded by array, with the
/// selection rules of `random.sample` and `random.choices`.
final class PythonRandom {
    private static final int N = 624;
    private static final int M = 397;

    private final int[] state = new int[N];
    private int next = N;

    /// @param seed as `random.Random(seed)`, not negative
    PythonRandom(int seed) {
        init(19650218);
        var i = 1;
        for (var k = 0; k < N; k++) {
            state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >>> 30)) * 1664525)) + seed;
            i = following(i);
        }
        for (var k = 0; k < N - 1; k++) {
            state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >>> 30)) * 1566083941)) - i;
            i = following(i);
        }
        state[0] = 0x80000000;
    }

    private void init(int seed) {
        state[0] = seed;
        for (var i = 1; i < N; i++) {
            state[i] = 1812433253 * (state[i - 1] ^ (state[i - 1] >>> 30)) + i;
        }
    }

    private int following(int i) {
        if (i + 1 < N) {
            return i + 1;
        }
        state[0] = state[N - 1];
        return 1;
    }

    /// 32 random bits.
    private int bits() {
        if (next == N) {
            for (var i = 0; i < N; i++) {
                var y = (state[i] & 0x80000000) | (state[(i + 1) % N] & 0x7fffffff);
                state[i] = state[(i + M) % N] ^ (y >>> 1) ^ ((y & 1) == 0 ? 0 : 0x9908b0df);
            }
            next = 0;
        }
        var y = state[next++];
        y ^= y >>> 11;
        y ^= (y << 7) & 0x9d2c5680;
        y ^= (y << 15) & 0xefc60000;
        return y ^ (y >>> 18);
    }

    /// A number from 0 inclusive to 1 exclusive, of 53 bits.
    double real() {
        var a = bits() >>> 5;
        var b = bits() >>> 6;
        return (a * 67108864.0 + b) / 9007199254740992.0;
    }

    /// A whole number below a bound.
    private int below(int bound) {
        var width = Integer.SIZE - Integer.numberOfLeadingZeros(bound);
        int drawn;
        do {
            drawn = bits() >>> (Integer.SIZE - width);
        } while (drawn >= bound);
        return drawn;
    }

    /// Places of a sample without replacement.
    ///
    /// @param population how many there are
    /// @param count how many are drawn, at most all
    List<Integer> sample(int population, int count) {
        if (count > population) {
            throw new IllegalArgumentException(count + " of " + population + " cannot be drawn");
        }
        return population <= poolLimit(count) ? fromPool(population, count) : bySet(population, count);
    }

    /// Up to how many a pool is smaller than a set of those drawn.
    private static int poolLimit(int count) {
        return 21 + (count > 5 ? (int) Math.pow(4, Math.ceil(Math.log(count * 3.0) / Math.log(4))) : 0);
    }

    private List<Integer> fromPool(int population, int count) {
        var pool = new int[population];
        for (var i = 0; i < population; i++) {
            pool[i] = i;
        }
        var drawn = new ArrayList<Integer>();
        for (var i = 0; i < count; i++) {
            var j = below(population - i);
            drawn.add(pool[j]);
            pool[j] = pool[population - i - 1];
        }
        return drawn;
    }

    private List<Integer> bySet(int population, int count) {
        var seen = new HashSet<Integer>();
        var drawn = new ArrayList<Integer>();
        while (drawn.size() < count) {
            var j = below(population);
            if (seen.add(j)) {
                drawn.add(j);
            }
        }
        return drawn;
    }
}
