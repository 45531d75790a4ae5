package dev.lowrank.model;

import dev.lowrank.model.DecoderSpec.Block;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Attention within the trees of a [TokenForest]: a token sees the stem and its own way to the root. Each
/// tree is a small dense product with a mask, so no text is padded and nothing is computed between trees.
///
/// @param masks for each tree F32 `[tokens, stem + tokens]`: 0 where a token sees, −∞ elsewhere
/// @param starts where each tree begins among the tokens
/// @param stem keys and values that all trees follow
record ForestAttention(
        DecoderSpec spec,
        List<Tensor> masks,
        List<Integer> starts,
        @Nullable KvCache stem) {
    /// Masks in the innermost scope.
    static ForestAttention of(DecoderSpec spec, TokenForest forest, @Nullable KvCache stem) {
        var past = stem == null ? 0 : stem.length();
        var masks = new ArrayList<Tensor>();
        for (var tree : forest.trees()) {
            masks.add(mask(tree, past));
        }
        return new ForestAttention(spec, masks, forest.starts(), stem);
    }

    private static Tensor mask(TokenForest.Tree tree, int past) {
        var width = past + tree.size();
        var values = new float[tree.size() * width];
        for (var i = 0; i < tree.size(); i++) {
            for (var j = 0; j < tree.size(); j++) {
                values[i * width + past + j] = tree.sees(i, j) ? 0 : Float.NEGATIVE_INFINITY;
            }
        }
        return Tensors.ofFloats(values, tree.size(), width);
    }

    /// What each token attends to.
    ///
    /// @param qkv queries, keys and values side by side, the first two rotated, `[1, tokens, (heads +
    ///     kvHeads)
    ///     keyDim + kvHeads valueDim]`
    /// @return `[1, tokens, heads valueDim]`, in the innermost scope
    Tensor attend(Block block, Tensor qkv) {
        return TensorScope.tidy(() -> {
            var rows = qkv.select(0, 0);
            var width = (long) spec.heads() * block.heads().valueDim();
            var result = Tensors.empty(DType.F32, rows.size(0), width);
            for (var i = 0; i < masks.size(); i++) {
                var mask = masks.get(i);
                var first = starts.get(i);
                TensorScope.tidyRun(() -> {
                    var own = rows.narrow(0, first, mask.size(0));
                    result.narrow(0, first, mask.size(0)).copy_(attend(block, own, mask));
                });
            }
            return result.unsqueeze(0);
        });
    }

    private Tensor attend(Block block, Tensor qkv, Tensor mask) {
        var tokens = qkv.size(0);
        var keyDim = (long) block.heads().keyDim();
        var valueDim = (long) block.heads().valueDim();
        var kvHeads = (long) spec.kvHeads();
        var group = spec.heads() / kvHeads;
        var queries =
                heads(qkv, 0, spec.heads(), keyDim).mul(spec.attentionScale()).reshape(kvHeads, group * tokens, keyDim);
        var keys = heads(qkv, spec.heads() * keyDim, kvHeads, keyDim);
        var values = heads(qkv, (spec.heads() + kvHeads) * keyDim, kvHeads, valueDim);
        if (stem != null) {
            keys = Tensors.cat(List.of(stem.keys(block.index(), stem.length()), keys), 1);
            values = Tensors.cat(List.of(stem.values(block.index(), stem.length()), values), 1);
        }
        var scores = queries.matmul(keys.transpose(1, 2)); // [kvHeads, group tokens, stem + tokens]
        scores.reshape(spec.heads(), tokens, mask.size(1)).add_(mask);
        return scores.softmax(-1)
                .matmul(values)
                .reshape(spec.heads(), tokens, valueDim)
                .transpose(0, 1)
                .reshape(tokens, spec.heads() * valueDim);
    }

    /// `[count, tokens, width]`.
    private static Tensor heads(Tensor qkv, long first, long count, long width) {
        return qkv.narrow(1, first, count * width)
                .reshape(qkv.size(0), count, width)
                .transpose(0, 1);
    }
}
