package dev.lowrank.compress.method;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Keeps some dimensions of the query and key heads, chosen by the product of their lengths (a CR
/// decomposition: a product of two matrices by some of its outer products).
///
/// With `Q [tokens, d]` and `K [tokens, d]` of a head, dropping dimension `i` changes `Q Kᵀ` by the outer
/// product of the columns, of norm `‖Q_i‖ ‖K_i‖`. Under rotary positions the two dimensions of a pair stay
/// together, and a pair's length does not depend on the rotation. The query heads of a group meet the same
/// key head and so keep the same pairs: their squared lengths add up. Source: MoDeGPT, Lin et al.,
/// arXiv:2408.09632, algorithm 2 and appendix on rotary positions. Deviation: the sum over a group.
///
/// @param pairs of each key head, ascending
/// @param relativeError `√(Σ dropped ‖Q_p‖² ‖K_p‖² / Σ all)`
record RotaryPairs(List<List<Integer>> pairs, double relativeError) {
    /// Chooses pairs.
    ///
    /// @param queries sums of squares `[heads headDim]`
    /// @param keys sums of squares `[kvHeads headDim]`
    /// @param count pairs that each head keeps
    static RotaryPairs of(double[] queries, double[] keys, int headDim, int count) {
        var kvHeads = keys.length / headDim;
        var group = queries.length / keys.length;
        var pairs = new ArrayList<List<Integer>>();
        var total = 0.0;
        var kept = 0.0;
        for (var head = 0; head < kvHeads; head++) {
            var products = new double[headDim / 2];
            for (var pair = 0; pair < products.length; pair++) {
                var length = 0.0;
                for (var query = head * group; query < (head + 1) * group; query++) {
                    length += pair(queries, query * headDim, pair, headDim);
                }
                products[pair] = length * pair(keys, head * headDim, pair, headDim);
            }
            var chosen = Nystrom.largest(products, count);
            total += Arrays.stream(products).sum();
            kept += Arrays.stream(chosen)
                    .mapToDouble(pair -> products[(int) pair])
                    .sum();
            pairs.add(Arrays.stream(chosen).mapToObj(pair -> (int) pair).toList());
        }
        return new RotaryPairs(pairs, total > 0 ? Math.sqrt(Math.max(0, total - kept) / total) : 0);
    }

    private static double pair(double[] squares, int from, int pair, int headDim) {
        return squares[from + pair] + squares[from + pair + headDim / 2];
    }

    /// The rows of a query or key matrix (or the numbers of its bias) that stay, in the innermost scope: of
    /// each head the first halves of its pairs, then the second halves.
    ///
    /// @param rows `[heads headDim, ..]`
    Tensor select(Tensor rows, int headDim) {
        return TensorScope.tidy(() -> rows.indexSelect(0, places((int) (rows.size(0) / headDim), headDim)));
    }

    private Tensor places(int heads, int headDim) {
        var group = heads / pairs.size();
        var places = new long[heads * pairs.getFirst().size() * 2];
        var at = 0;
        for (var head = 0; head < heads; head++) {
            for (var half = 0; half < 2; half++) {
                for (var pair : pairs.get(head / group)) {
                    places[at++] = (long) head * headDim + (long) half * headDim / 2 + pair;
                }
            }
        }
        return Tensors.ofLongs(places, places.length).to(DType.I64);
    }
}
