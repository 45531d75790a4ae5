package dev.lowrank.model.output;

import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.DecoderSpec.Block;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.Arrays;
import java.util.List;

/// Puts the rows and columns of a narrowed block back where the original has them, with zeros between: a
/// query or key dimension of zeros adds nothing to a score, a value or hidden channel of zeros nothing to
/// the output, so the wide block computes what the narrow one does.
///
/// @param narrow the model as it is
/// @param wide the model that is written
record Widening(DecoderSpec narrow, DecoderSpec wide) {
    /// The site as it is written.
    LinearSite of(LinearSite site) {
        return wide.blocks().get(site.layer()).require(site.role());
    }

    /// A weight with zeros where something was cut, in the innermost scope.
    ///
    /// @param weight `[out, in]` of the narrow site
    Tensor weight(LinearSite site, Tensor weight) {
        var dimension = byColumns(site.role()) ? 1 : 0;
        return spread(weight, dimension, places(site));
    }

    /// A bias with zeros where something was cut, in the innermost scope.
    ///
    /// @param bias `[out]` of the narrow site
    Tensor bias(LinearSite site, Tensor bias) {
        return byColumns(site.role()) ? bias : spread(bias, 0, places(site));
    }

    private static boolean byColumns(Role role) {
        return role == Role.O_PROJ || role == Role.DOWN_PROJ;
    }

    private static Tensor spread(Tensor narrow, int dimension, long[] places) {
        var nothing = narrow.size(dimension);
        if (places.length == nothing) {
            return narrow;
        }
        return TensorScope.tidy(() -> {
            var sizes = narrow.shape().toArray();
            sizes[dimension] = 1;
            var padded = Tensors.cat(List.of(narrow, Tensors.zeros(narrow.dtype(), sizes)), dimension);
            return padded.indexSelect(dimension, Tensors.ofLongs(places, places.length));
        });
    }

    /// For each wide row or column the narrow one that goes there, or one past the last for none.
    private long[] places(LinearSite site) {
        var block = narrow.blocks().get(site.layer());
        var full = of(site);
        return switch (site.role()) {
            case Q_PROJ -> keys(block, full, narrow.heads() / narrow.kvHeads());
            case K_PROJ -> keys(block, full, 1);
            case V_PROJ -> leading(full.out(), wide.headDim(), block.heads().valueDim());
            case O_PROJ -> leading(full.in(), wide.headDim(), block.heads().valueDim());
            case GATE_PROJ, UP_PROJ -> leading(full.out(), full.out(), site.out());
            case DOWN_PROJ -> leading(full.in(), full.in(), site.in());
            case QKV_PROJ -> leading(full.out(), full.out(), site.out());
        };
    }

    /// Heads of `whole`, of which the first `kept` are there.
    private static long[] leading(int width, int whole, int kept) {
        var places = new long[width];
        for (var i = 0; i < width; i++) {
            var within = i % whole;
            places[i] = within < kept ? (long) i / whole * kept + within : (long) width / whole * kept;
        }
        return places;
    }

    /// @param group heads that keep the same pairs
    private long[] keys(Block block, LinearSite full, int group) {
        var pairs = block.heads().pairs();
        if (pairs.isEmpty()) {
            return leading(full.out(), wide.headDim(), wide.headDim());
        }
        var whole = wide.headDim();
        var kept = block.heads().keyDim();
        var heads = full.out() / whole;
        var places = new long[full.out()];
        Arrays.fill(places, (long) heads * kept);
        for (var head = 0; head < heads; head++) {
            var own = pairs.get(head / group);
            for (var i = 0; i < own.size(); i++) {
                places[head * whole + own.get(i)] = (long) head * kept + i;
                places[head * whole + whole / 2 + own.get(i)] = (long) head * kept + kept / 2 + i;
            }
        }
        return places;
    }
}
