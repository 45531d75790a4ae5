package dev.lowrank.model;

import dev.lowrank.model.DecoderSpec.Block;
import dev.lowrank.model.DecoderSpec.Positions;
import dev.lowrank.model.DecoderSpec.QkvOrder;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Functional;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorOwner;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// One decoder block in LibTorch's memory: the unit that calibration maps, runs and releases.
public final class TorchBlock implements TensorOwner {
    private final DecoderSpec spec;
    private final Block block;
    private final TorchNorm attentionNorm;
    private final TorchNorm mlpNorm;
    private final Map<Role, TorchLinear> linears;

    private TorchBlock(
            DecoderSpec spec, Block block, TorchNorm attentionNorm, TorchNorm mlpNorm, Map<Role, TorchLinear> linears) {
        this.spec = spec;
        this.block = block;
        this.attentionNorm = attentionNorm;
        this.mlpNorm = mlpNorm;
        this.linears = linears;
    }

    /// Copies a block into F32 tensors of the innermost scope.
    ///
    /// @param weights norms come from here
    /// @param linears what each site stores; [ModelWeights#linear] for the checkpoint's own
    public static TorchBlock load(
            DecoderSpec spec, Block block, ModelWeights weights, Function<LinearSite, Linear> linears) {
        var loaded = new EnumMap<Role, TorchLinear>(Role.class);
        for (var site : block.sites()) {
            loaded.put(site.role(), TorchLinear.load(linears.apply(site), DType.F32));
        }
        return new TorchBlock(
                spec,
                block,
                TorchNorm.load(spec.norm(), weights, block.attentionNorm()),
                TorchNorm.load(spec.norm(), weights, block.mlpNorm()),
                loaded);
    }

    /// The same block on other tensors, as training replaces them at each step.
    ///
    /// @param replace gives what stands for each tensor, by its checkpoint name
    public TorchBlock with(BiFunction<String, Tensor, Tensor> replace) {
        var replaced = new EnumMap<Role, TorchLinear>(Role.class);
        for (var site : block.sites()) {
            replaced.put(
                    site.role(),
                    Objects.requireNonNull(linears.get(site.role()), site.name())
                            .with(site.name(), replace));
        }
        return new TorchBlock(
                spec,
                block,
                attentionNorm.with(block.attentionNorm(), replace),
                mlpNorm.with(block.mlpNorm(), replace),
                replaced);
    }

    /// Runs the block.
    ///
    /// The rows of a single long prompt are shared by the threads: each takes its rows through everything
    /// that treats rows apart, so that what one operation makes is still in cache for the next.
    ///
    /// @param hidden residual stream, F32 `[batch, seq, hidden]`
    /// @param angles rotation of these positions; null for learned positions
    /// @param cache keys and values of earlier positions, extended in place (batch 1 only); null to run
    ///     without one
    /// @param tap sees what feeds the linears
    /// @return the next residual stream, in the innermost scope
    public Tensor forward(Tensor hidden, @Nullable Angles angles, @Nullable KvCache cache, SiteTap tap) {
        return TensorScope.tidy(() -> {
            var parts = RowParts.of(hidden, tap);
            var qkv = parts.map((spec.heads() + 2L * spec.kvHeads()) * spec.headDim(), rows -> {
                var own = angles == null ? null : angles.narrow(rows.first(), rows.count());
                return project(rows.of(hidden), own, tap);
            });
            var heads = attend(qkv, cache); // [batch, seq, heads headDim]
            return parts.map(spec.hiddenSize(), rows -> {
                var attended = rows.of(hidden).add(attentionOutput(rows.of(heads), tap));
                return attended.add(TensorScope.tidy(() -> mlp(attended, tap)));
            });
        });
    }

    /// What feeds some of the block's linears, computed only as far as needed.
    ///
    /// @param hidden residual stream, F32 `[batch, seq, hidden]`
    /// @param angles rotation of these positions; null for learned positions
    /// @return `[batch, seq, width]`, in the innermost scope
    public Tensor input(Feed feed, Tensor hidden, @Nullable Angles angles) {
        return TensorScope.tidy(() -> {
            if (feed == Feed.ATTENTION_INPUT) {
                return attentionNorm.apply(hidden);
            }
            var heads = attend(project(hidden, angles, SiteTap.NONE), null);
            if (feed == Feed.ATTENTION_OUTPUT) {
                return heads;
            }
            var attended = hidden.add(attentionOutput(heads, SiteTap.NONE));
            return feed == Feed.MLP_INPUT ? mlpNorm.apply(attended) : mlpHidden(attended, SiteTap.NONE);
        });
    }

    private Tensor attentionOutput(Tensor heads, SiteTap tap) {
        tap.input(Feed.ATTENTION_OUTPUT, heads);
        return run(Role.O_PROJ, heads, tap);
    }

    /// Queries, keys and values side by side, `[batch, seq, (heads + 2 kvHeads) headDim]`, the first two
    /// rotated.
    private Tensor project(Tensor hidden, @Nullable Angles angles, SiteTap tap) {
        var x = attentionNorm.apply(hidden);
        tap.input(Feed.ATTENTION_INPUT, x);
        var qkv = linears.containsKey(Role.QKV_PROJ)
                ? inOrder(run(Role.QKV_PROJ, x, tap))
                : Tensors.cat(
                        List.of(run(Role.Q_PROJ, x, tap), run(Role.K_PROJ, x, tap), run(Role.V_PROJ, x, tap)), -1);
        if (angles == null) {
            return qkv;
        }
        var rotated = (spec.heads() + spec.kvHeads()) * (long) spec.headDim();
        var values = (long) spec.kvHeads() * spec.headDim();
        return Tensors.cat(
                List.of(angles.rotate(qkv.narrow(-1, 0, rotated), spec.headDim()), qkv.narrow(-1, rotated, values)),
                -1);
    }

    /// From query, key and value of each head in turn to all queries, all keys, all values.
    private Tensor inOrder(Tensor fused) {
        if (spec.qkvOrder() != QkvOrder.PER_HEAD) {
            return fused;
        }
        var batch = fused.shape().size(0);
        var seq = fused.shape().size(1);
        return fused.reshape(batch, seq, spec.heads(), 3, spec.headDim())
                .transpose(2, 3)
                .reshape(batch, seq, 3L * spec.heads() * spec.headDim());
    }

    /// @param qkv as [#project] makes it
    /// @return `[batch, seq, heads headDim]`
    private Tensor attend(Tensor qkv, @Nullable KvCache cache) {
        var q = heads(qkv, 0, spec.heads());
        var k = heads(qkv, spec.heads(), spec.kvHeads());
        var v = heads(qkv, spec.heads() + spec.kvHeads(), spec.kvHeads());
        var seq = q.shape().size(2);
        var heads = cache == null
                ? attend(q, k, v, null, seq > 1)
                : attendCached(q, k, v, cache, (int) seq); // [batch, heads, seq, headDim]
        return heads.transpose(1, 2).reshape(q.shape().size(0), seq, (long) spec.heads() * spec.headDim());
    }

    /// Some heads of a row, `[batch, count, seq, headDim]`.
    private Tensor heads(Tensor qkv, int first, int count) {
        var d = (long) spec.headDim();
        var batch = qkv.shape().size(0);
        var seq = qkv.shape().size(1);
        return qkv.narrow(2, first * d, count * d).reshape(batch, seq, count, d).transpose(1, 2);
    }

    private Tensor attend(Tensor q, Tensor k, Tensor v, @Nullable Tensor mask, boolean causal) {
        return Functional.scaledDotProductAttention(
                q, k, v, mask, causal, spec.attentionScale(), spec.heads() != spec.kvHeads());
    }

    private Tensor attendCached(Tensor q, Tensor k, Tensor v, KvCache cache, int seq) {
        var past = cache.length();
        if (past + seq > cache.capacity()) {
            throw new IllegalArgumentException("The cache holds " + cache.capacity() + " positions; " + past
                    + " are filled and " + seq + " more were given");
        }
        var keys = Tensors.view(cache.keys(block.index())); // [kvHeads, capacity, headDim]
        var values = Tensors.view(cache.values(block.index()));
        keys.narrow(1, past, seq).copy_(k.select(0, 0));
        values.narrow(1, past, seq).copy_(v.select(0, 0));
        var allKeys = keys.narrow(1, 0, past + (long) seq).unsqueeze(0);
        var allValues = values.narrow(1, 0, past + (long) seq).unsqueeze(0);
        if (past == 0 || seq == 1) {
            return attend(q, allKeys, allValues, null, seq > 1);
        }
        return attend(q, allKeys, allValues, causalMask(past, seq), false);
    }

    /// Additive mask `[seq, past + seq]`: 0 where a query may look, −∞ where it may not.
    private static Tensor causalMask(int past, int seq) {
        return Tensors.full(Double.NEGATIVE_INFINITY, DType.F32, seq, past + (long) seq)
                .triu(past + 1);
    }

    private Tensor mlp(Tensor hidden, SiteTap tap) {
        var inner = mlpHidden(hidden, tap);
        tap.input(Feed.MLP_HIDDEN, inner);
        return run(Role.DOWN_PROJ, inner, tap);
    }

    private Tensor mlpHidden(Tensor hidden, SiteTap tap) {
        return TensorScope.tidy(() -> {
            var x = mlpNorm.apply(hidden);
            tap.input(Feed.MLP_INPUT, x);
            var up = run(Role.UP_PROJ, x, tap);
            return block.gated() ? activate(run(Role.GATE_PROJ, x, tap)).mul_(up) : activate(up);
        });
    }

    private Tensor activate(Tensor x) {
        return switch (spec.activation()) {
            case SILU -> Functional.silu(x);
            case GELU -> Functional.gelu(x);
            case GELU_TANH -> Functional.geluTanh(x);
            case RELU -> Functional.relu(x);
        };
    }

    private Tensor run(Role role, Tensor x, SiteTap tap) {
        var linear = linears.get(role);
        if (linear == null) {
            throw new IllegalStateException("Block " + block.index() + " has no " + role);
        }
        var y = linear.apply(x);
        tap.output(role, y);
        return y;
    }

    @Override
    public List<Tensor> tensors() {
        return Stream.concat(Stream.of(attentionNorm, mlpNorm), linears.values().stream())
                .flatMap(owner -> owner.tensors().stream())
                .toList();
    }

    /// Cosines and sines of a run of positions.
    ///
    /// @param cos `[seq, headDim / 2]`
    /// @param sin `[seq, headDim / 2]`
    public record Angles(Tensor cos, Tensor sin) implements TensorOwner {
        /// Angles of `count` positions from `first`, in the innermost scope; null where positions are
        /// learned.
        public static @Nullable Angles of(DecoderSpec spec, int first, int count) {
            if (!(spec.positions() instanceof Positions.Rotary(var rope))) {
                return null;
            }
            var inverse = rope.inverseFrequencies();
            var cos = new float[count * inverse.length];
            var sin = new float[count * inverse.length];
            for (var i = 0; i < count; i++) {
                for (var j = 0; j < inverse.length; j++) {
                    var angle = (first + i) * inverse[j];
                    cos[i * inverse.length + j] = (float) (Math.cos(angle) * rope.attentionFactor());
                    sin[i * inverse.length + j] = (float) (Math.sin(angle) * rope.attentionFactor());
                }
            }
            return new Angles(
                    Tensors.ofFloats(cos, count, inverse.length), Tensors.ofFloats(sin, count, inverse.length));
        }

        /// The angles of some of the positions, borrowed.
        Angles narrow(long first, long count) {
            return new Angles(cos.narrow(0, first, count), sin.narrow(0, first, count));
        }

        /// Rotates the two halves of each head.
        ///
        /// @param x `[batch, seq, heads headDim]`
        /// @return the same shape
        Tensor rotate(Tensor x, int headDim) {
            return TensorScope.tidy(() -> {
                var batch = x.shape().size(0);
                var seq = x.shape().size(1);
                var halves = x.reshape(batch, seq, x.shape().size(2) / headDim, 2, headDim / 2);
                var first = halves.select(3, 0); // [batch, seq, heads, headDim / 2]
                var second = halves.select(3, 1);
                var c = cos.unsqueeze(1);
                var s = sin.unsqueeze(1);
                return Tensors.stack(
                                List.of(
                                        first.mul(c).sub(second.mul(s)),
                                        second.mul(c).add(first.mul(s))),
                                3)
                        .reshape(batch, seq, x.shape().size(2));
            });
        }

        @Override
        public List<Tensor> tensors() {
            return List.of(cos, sin);
        }
    }
}
