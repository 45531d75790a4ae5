package dev.lowrank.model;

import dev.lowrank.model.DecoderSpec.Positions;
import dev.lowrank.tensor.Grad;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/// What rotary positions turn queries and keys by: cosines and sines of a run of positions, as a row of
/// queries and keys meets them, each head's two halves, which turn by the same angles, one after the other.
///
/// @param cos `[seq, 1, headDim]` for all heads, or `[seq, heads, keyDim]`, each head with its own
/// @param sin likewise, negative in the first halves
public record Angles(Tensor cos, Tensor sin) implements TensorOwner {
    /// Angles of `count` positions from `first`, in the innermost scope; null where positions are
    /// learned.
    public static @Nullable Angles of(DecoderSpec spec, int first, int count) {
        return of(spec, IntStream.range(first, first + count).toArray());
    }

    /// Angles of any positions, in the innermost scope; null where positions are learned.
    static @Nullable Angles of(DecoderSpec spec, int[] positions) {
        if (!(spec.positions() instanceof Positions.Rotary(var rope))) {
            return null;
        }
        var inverse = rope.inverseFrequencies();
        var half = inverse.length;
        var cos = new float[positions.length * 2 * half];
        var sin = new float[positions.length * 2 * half];
        for (var i = 0; i < positions.length; i++) {
            for (var j = 0; j < half; j++) {
                var angle = positions[i] * inverse[j];
                var at = i * 2 * half + j;
                cos[at] = (float) (Math.cos(angle) * rope.attentionFactor());
                sin[at + half] = (float) (Math.sin(angle) * rope.attentionFactor());
                cos[at + half] = cos[at];
                sin[at] = -sin[at + half];
            }
        }
        return new Angles(
                Tensors.ofFloats(cos, positions.length, 1, 2L * half),
                Tensors.ofFloats(sin, positions.length, 1, 2L * half));
    }

    /// The angles of the rotary pairs that a block's heads kept, all query heads before all key heads.
    ///
    /// @param group query heads of a key head
    Angles of(DecoderSpec.Heads heads, int group) {
        var kept = heads.pairs();
        var half = cos.size(2) / 2;
        var places = new ArrayList<Long>();
        for (var query = 0; query < group * kept.size(); query++) {
            places.addAll(halves(kept.get(query / group), half));
        }
        kept.forEach(own -> places.addAll(halves(own, half)));
        var index = Tensors.ofLongs(places.stream().mapToLong(Long::longValue).toArray(), places.size());
        return new Angles(picked(cos, index, heads), picked(sin, index, heads));
    }

    private static List<Long> halves(List<Integer> pairs, long half) {
        return LongStream.of(0, half)
                .boxed()
                .flatMap(first -> pairs.stream().map(pair -> first + pair))
                .toList();
    }

    private static Tensor picked(Tensor all, Tensor places, DecoderSpec.Heads heads) {
        return all.indexSelect(2, places).reshape(all.size(0), -1, heads.keyDim());
    }

    /// The angles of some of the positions, borrowed.
    Angles narrow(long first, long count) {
        return new Angles(cos.narrow(0, first, count), sin.narrow(0, first, count));
    }

    /// Rotates the two halves of each head at the start of a row, in place where no gradients are
    /// recorded.
    ///
    /// @param x `[batch, seq, any]`, contiguous
    /// @param width of all the heads together
    /// @param headDim of one of them
    /// @return the same shape
    Tensor rotate(Tensor x, long width, int headDim) {
        return TensorScope.tidy(() -> {
            var result = Grad.enabled() ? x.copy() : x;
            var heads = result.narrow(-1, 0, width).reshape(x.size(0), x.size(1), width / headDim, headDim);
            var half = headDim / 2;
            var turned = Tensors.empty(x.dtype(), x.size(0), x.size(1), width / headDim, headDim);
            turned.narrow(3, 0, half).copy_(heads.narrow(3, half, half));
            turned.narrow(3, half, half).copy_(heads.narrow(3, 0, half));
            heads.mul_(cos).addcmul_(turned, sin, 1);
            return result;
        });
    }

    @Override
    public List<Tensor> tensors() {
        return List.of(cos, sin);
    }
}
