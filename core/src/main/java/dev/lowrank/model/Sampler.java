package dev.lowrank.model;

import dev.lowrank.tensor.NumericalException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/// Chooses the next token from logits. It remembers the tokens of its text for the repetition penalty, so
/// each text has its own sampler. Among equally likely tokens the lower id comes first.
///
/// Probabilities are F64; ids beyond the tokenizer's vocabulary (rows that pad an embedding) are never
/// chosen.
public final class Sampler {
    private final SamplingOptions options;
    private final int vocabulary;
    private final RandomGenerator random;
    private final BitSet seen = new BitSet();
    private float[] scores = new float[0];
    private double[] weights = new double[0];
    private long[] order = new long[0];

    private Sampler(SamplingOptions options, int vocabulary) {
        this.options = options;
        this.vocabulary = vocabulary;
        random = RandomGeneratorFactory.of("L64X128MixRandom").create(options.seed());
    }

    /// A sampler for one text.
    ///
    /// @param vocabulary number of tokens the tokenizer knows
    public static Sampler of(SamplingOptions options, int vocabulary) {
        if (vocabulary < 1) {
            throw new IllegalArgumentException("A sampler needs a vocabulary, not one of " + vocabulary + " tokens");
        }
        return new Sampler(options, vocabulary);
    }

    /// Notes tokens of the prompt for the repetition penalty.
    public void see(int... tokens) {
        for (var token : tokens) {
            seen.set(token);
        }
    }

    /// Notes exactly the tokens that another sampler has noted.
    public void seeAs(Sampler other) {
        seen.clear();
        seen.or(other.seen);
    }

    /// Chooses a token and notes it.
    ///
    /// @param logits at least `vocabulary` long; not changed
    /// @return its id
    /// @throws NumericalException if a logit is NaN or infinitely large, or all are minus infinity
    public int next(float[] logits) {
        var count = load(logits);
        var best = best(count);
        var token = options.isGreedy() ? best : pick(weights, count, weigh(count, best), best);
        seen.set(token);
        return token;
    }

    /// The distribution that [#next] draws from, without drawing.
    ///
    /// @param logits at least `vocabulary` long; not changed
    /// @return probabilities by token id, their sum 1; the caller's
    /// @throws NumericalException as [#next]
    public double[] probabilities(float[] logits) {
        var count = load(logits);
        var best = best(count);
        var result = new double[count];
        if (options.isGreedy()) {
            result[best] = 1;
            return result;
        }
        var total = weigh(count, best);
        for (var i = 0; i < count; i++) {
            result[i] = weights[i] / total;
        }
        return result;
    }

    /// Draws a token with this sampler's random numbers. It is not noted.
    ///
    /// @param likelihoods by token id, none negative, not all 0; need not sum to 1
    public int draw(double[] likelihoods) {
        var total = 0.0;
        var last = 0;
        for (var i = 0; i < likelihoods.length; i++) {
            total += likelihoods[i];
            last = likelihoods[i] > 0 ? i : last;
        }
        return pick(likelihoods, likelihoods.length, total, last);
    }

    /// A random number in `[0, 1)`.
    public double uniform() {
        return random.nextDouble();
    }

    private int load(float[] logits) {
        var count = Math.min(vocabulary, logits.length);
        if (scores.length < count) {
            scores = new float[count];
            weights = new double[count];
        }
        System.arraycopy(logits, 0, scores, 0, count);
        penalize(count);
        return count;
    }

    private void penalize(int count) {
        var penalty = (float) options.repetitionPenalty();
        if (penalty == 1) {
            return;
        }
        for (var i = seen.nextSetBit(0); i >= 0 && i < count; i = seen.nextSetBit(i + 1)) {
            scores[i] = scores[i] < 0 ? scores[i] * penalty : scores[i] / penalty;
        }
    }

    private int best(int count) {
        var best = 0;
        for (var i = 0; i < count; i++) {
            if (!(scores[i] < Float.POSITIVE_INFINITY)) {
                throw broken("logit " + i + " is " + scores[i]);
            }
            if (scores[i] > scores[best]) {
                best = i;
            }
        }
        if (scores[best] == Float.NEGATIVE_INFINITY) {
            throw broken("all logits are -Infinity");
        }
        return best;
    }

    private static NumericalException broken(String problem) {
        return new NumericalException(
                NumericalException.Kind.NON_FINITE,
                "logits",
                problem + ", expected finite numbers; check the checkpoint's weights with verify");
    }

    /// Fills the weights of what may be drawn.
    ///
    /// @return their sum
    private double weigh(int count, int best) {
        var threshold = topKThreshold(count);
        var total = 0.0;
        for (var i = 0; i < count; i++) {
            var kept = scores[i] >= threshold;
            weights[i] = kept ? Math.exp(((double) scores[i] - scores[best]) / options.temperature()) : 0;
            total += weights[i];
        }
        return options.topP() < 1 ? cutTail(count, total, best) : total;
    }

    private int pick(double[] likelihoods, int count, double total, int best) {
        var mark = random.nextDouble() * total;
        var last = best;
        for (var i = 0; i < count; i++) {
            if (likelihoods[i] > 0) {
                mark -= likelihoods[i];
                last = i;
                if (mark < 0) {
                    return i;
                }
            }
        }
        // Rounding can leave a remainder behind the last token.
        return last;
    }

    /// The k-th largest score; ties with it stay in, as in `transformers`.
    private float topKThreshold(int count) {
        var k = options.topK();
        if (k == 0 || k >= count) {
            return Float.NEGATIVE_INFINITY;
        }
        var heap = new float[k];
        System.arraycopy(scores, 0, heap, 0, k);
        Arrays.sort(heap);
        for (var i = k; i < count; i++) {
            if (scores[i] > heap[0]) {
                replaceSmallest(heap, scores[i]);
            }
        }
        return heap[0];
    }

    /// Keeps `heap[0]` the smallest of a binary heap; a sorted array is one.
    private static void replaceSmallest(float[] heap, float value) {
        var at = 0;
        while (2 * at + 1 < heap.length) {
            var child = 2 * at + 1;
            if (child + 1 < heap.length && heap[child + 1] < heap[child]) {
                child++;
            }
            if (heap[child] >= value) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = value;
    }

    /// Drops the least likely tokens whose probabilities together stay within `1 − topP`, never the best
    /// one.
    ///
    /// @return the remaining weight
    private double cutTail(int count, double total, int best) {
        var budget = (1 - options.topP()) * total;
        var candidates = candidates(count, budget);
        Arrays.sort(order, 0, candidates);
        var dropped = 0.0;
        for (var i = 0; i < count; i++) {
            if (weights[i] > 0 && weights[i] * count < budget) {
                dropped += weights[i];
            }
        }
        var tail = dropped;
        for (var i = 0; i < candidates; i++) {
            var token = Integer.MAX_VALUE - (int) order[i];
            tail += weights[token];
            if (tail > budget || token == best) {
                break;
            }
            dropped = tail;
            weights[token] = 0;
        }
        return clearSmall(count, budget, total - dropped);
    }

    /// Tokens too likely to be dropped unseen, as sortable keys: score in the upper half, so that the least
    /// likely come first, among equals the highest id. A token below `budget / count` is certainly dropped,
    /// for all of them together stay within the budget; sorting only the others saves most of the time.
    private int candidates(int count, double budget) {
        if (order.length < count) {
            order = new long[count];
        }
        var candidates = 0;
        for (var i = 0; i < count; i++) {
            if (weights[i] > 0 && weights[i] * count >= budget) {
                var bits = Float.floatToRawIntBits(scores[i] == 0 ? 0.0f : scores[i]);
                var sortable = bits < 0 ? bits ^ Integer.MAX_VALUE : bits;
                order[candidates++] = (long) sortable << 32 | (Integer.MAX_VALUE - i);
            }
        }
        return candidates;
    }

    private double clearSmall(int count, double budget, double remaining) {
        for (var i = 0; i < count; i++) {
            if (weights[i] * count < budget) {
                weights[i] = 0;
            }
        }
        return remaining;
    }
}
