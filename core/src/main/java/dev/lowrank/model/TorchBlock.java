package dev.lowrank.model;

import dev.lowrank.model.DecoderSpec.Activation;
import dev.lowrank.model.DecoderSpec.Block;
import dev.lowrank.model.DecoderSpec.QkvOrder;
import dev.lowrank.model.DecoderSpec.Residual;
import dev.lowrank.model.RowParts.Rows;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Epilogue;
import dev.lowrank.tensor.Grad;
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

/// One block in LibTorch's memory: the unit that calibration maps, runs and releases.
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

    /// Copies a block into F32 tensors of the innermost scope, for forward passes only.
    ///
    /// @param weights norms come from here
    /// @param linears what each site stores; [ModelWeights#linear] for the checkpoint's own
    public static TorchBlock load(
            DecoderSpec spec, Block block, ModelWeights weights, Function<LinearSite, Linear> linears) {
        return load(spec, block, weights, linears, DType.F32);
    }

    /// The same with matrices multiplied in a type of the caller's choice.
    ///
    /// @param products F32 or BF16
    public static TorchBlock load(
            DecoderSpec spec, Block block, ModelWeights weights, Function<LinearSite, Linear> linears, DType products) {
        return copy(spec, block, weights, linears, linear -> TorchLinear.forward(linear, products));
    }

    /// The same with norms from anywhere.
    ///
    /// @param norms by checkpoint name without suffix
    public static TorchBlock load(
            DecoderSpec spec, Block block, Function<String, TorchNorm> norms, Function<LinearSite, Linear> linears) {
        return copy(spec, block, norms, linears, linear -> TorchLinear.forward(linear, DType.F32));
    }

    /// Copies a block into F32 tensors of the innermost scope, for forward and backward passes.
    ///
    /// @param weights norms come from here
    /// @param linears what each site stores; [ModelWeights#linear] for the checkpoint's own
    public static TorchBlock differentiable(
            DecoderSpec spec, Block block, ModelWeights weights, Function<LinearSite, Linear> linears) {
        return copy(spec, block, weights, linears, TorchLinear::differentiable);
    }

    private static TorchBlock copy(
            DecoderSpec spec,
            Block block,
            ModelWeights weights,
            Function<LinearSite, Linear> linears,
            Function<Linear, TorchLinear> loading) {
        return copy(spec, block, name -> TorchNorm.load(spec.norm(), weights, name), linears, loading);
    }

    private static TorchBlock copy(
            DecoderSpec spec,
            Block block,
            Function<String, TorchNorm> norms,
            Function<LinearSite, Linear> linears,
            Function<Linear, TorchLinear> loading) {
        var loaded = new EnumMap<Role, TorchLinear>(Role.class);
        for (var site : block.sites()) {
            loaded.put(site.role(), loading.apply(linears.apply(site)));
        }
        return new TorchBlock(spec, block, norms.apply(block.attentionNorm()), norms.apply(block.mlpNorm()), loaded);
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
            var attention = attention(hidden, angles, cache, tap);
            return RowParts.growing(hidden, tap, attentionGrowth(cache)).map(spec.hiddenSize(), DType.F32, rows -> {
                var heads = attention.of(rows);
                return afterAttention(rows.of(hidden), heads, tap);
            });
        });
    }

    /// Runs the last block of a prompt: the cache gets the keys and values of all positions, everything
    /// else is computed for the last position alone, the only one whose prediction is wanted.
    ///
    /// @param hidden residual stream, F32 `[1, seq, hidden]`
    /// @param angles rotation of these positions; null for learned positions
    /// @return the next residual stream of the last position, `[1, 1, hidden]`, in the innermost scope
    Tensor forwardLast(Tensor hidden, @Nullable Angles angles, KvCache cache) {
        return TensorScope.tidy(() -> {
            var attention = attention(hidden, angles, cache, SiteTap.NONE);
            var last = new Rows(hidden.size(1) - 1, 1);
            return afterAttention(last.of(hidden), attention.of(last), SiteTap.NONE);
        });
    }

    /// Runs the block over texts that share beginnings.
    ///
    /// @param hidden residual stream, F32 `[1, tokens, hidden]`
    /// @param angles rotation of each token's position; null for learned positions
    /// @return the next residual stream, in the innermost scope
    Tensor forward(Tensor hidden, @Nullable Angles angles, ForestAttention forest) {
        return TensorScope.tidy(() -> {
            var heads = forest.attend(block, project(hidden, angles, SiteTap.NONE));
            return afterAttention(hidden, heads, SiteTap.NONE);
        });
    }

    private SelfAttention attention(Tensor hidden, @Nullable Angles angles, @Nullable KvCache cache, SiteTap tap) {
        if (cache != null) {
            cache.requireSpace(hidden.size(1));
        }
        var width = rotatedWidth() + (long) spec.kvHeads() * block.heads().valueDim();
        var qkv = RowParts.equal(hidden, tap).map(width, narrowType(DType.F32, tap), rows -> {
            var own = angles == null ? null : angles.narrow(rows.first(), rows.count());
            var part = project(rows.of(hidden), own, tap);
            if (cache != null) {
                SelfAttention.store(spec, block, rows, part, cache);
            }
            return part;
        });
        return SelfAttention.of(spec, block, qkv, cache);
    }

    /// What attention makes each position cost more than the one before it, in costs of the first: a key is
    /// four multiplications per query element, at less than half the speed of the linears. Where all see
    /// all, nothing.
    private double attentionGrowth(@Nullable KvCache cache) {
        if (spec.encoder().isPresent()) {
            return 0;
        }
        var key = 2.0 * spec.heads() * (block.heads().keyDim() + block.heads().valueDim());
        var linears = block.sites().stream()
                .filter(site -> site.role().feed() != Feed.ATTENTION_INPUT)
                .mapToLong(LinearSite::weightParameters)
                .sum();
        return key / (linears + key * (cache == null ? 0 : cache.length()));
    }

    private Tensor afterAttention(Tensor hidden, Tensor heads, SiteTap tap) {
        var attended = attentionOutput(heads, hidden, tap);
        return TensorScope.tidy(() -> mlp(attended, tap));
    }

    /// What feeds the linears of attention.
    ///
    /// @param hidden residual stream, F32 `[batch, seq, hidden]`
    /// @return the same shape, in the innermost scope
    public Tensor attentionInput(Tensor hidden) {
        return spec.residual() == Residual.NORM_FIRST ? attentionNorm.apply(hidden) : hidden;
    }

    /// What feeds the output projection of attention.
    ///
    /// @param hidden residual stream, F32 `[batch, seq, hidden]`
    /// @param angles rotation of these positions; null for learned positions
    /// @return `[batch, seq, heads valueDim]`, in the innermost scope
    public Tensor heads(Tensor hidden, @Nullable Angles angles) {
        return TensorScope.tidy(() -> attention(hidden, angles, null, SiteTap.NONE)
                .of(new Rows(0, hidden.size(1)))
                .to(DType.F32));
    }

    /// The residual stream between attention and MLP.
    ///
    /// @param hidden residual stream before the block
    /// @param heads what [#heads] gave
    /// @return `[batch, seq, hidden]`, in the innermost scope
    public Tensor attended(Tensor hidden, Tensor heads) {
        return attentionOutput(heads, hidden, SiteTap.NONE);
    }

    /// What feeds the first linears of the MLP.
    ///
    /// @param attended what [#attended] gave
    /// @return the same shape, in the innermost scope
    public Tensor mlpInput(Tensor attended) {
        return spec.residual() == Residual.NORM_FIRST ? mlpNorm.apply(attended) : attended;
    }

    /// What feeds the last linear of the MLP.
    ///
    /// @param attended what [#attended] gave
    /// @return `[batch, seq, intermediate]`, in the innermost scope
    public Tensor mlpHidden(Tensor attended) {
        return TensorScope.tidy(() -> mlpHidden(attended, SiteTap.NONE).to(DType.F32));
    }

    /// The residual stream after the block.
    ///
    /// @param attended what [#attended] gave
    /// @param inner what [#mlpHidden] gave
    /// @return `[batch, seq, hidden]`, in the innermost scope
    public Tensor output(Tensor attended, Tensor inner) {
        return mlpOutput(attended, inner, SiteTap.NONE);
    }

    private Tensor attentionOutput(Tensor heads, Tensor hidden, SiteTap tap) {
        tap.input(Feed.ATTENTION_OUTPUT, heads);
        var sum = run(Role.O_PROJ, heads, tap, new Epilogue.Plus(hidden));
        return spec.residual() == Residual.NORM_LAST ? attentionNorm.apply(sum) : sum;
    }

    /// Queries, keys and values side by side, `[batch, seq, (heads + kvHeads) keyDim + kvHeads valueDim]`,
    /// the first two rotated.
    private Tensor project(Tensor hidden, @Nullable Angles angles, SiteTap tap) {
        var input = attentionInput(hidden);
        tap.input(Feed.ATTENTION_INPUT, input);
        var x = narrowed(input, tap);
        var qkv = linears.containsKey(Role.QKV_PROJ)
                ? inOrder(run(Role.QKV_PROJ, x, tap, Epilogue.NONE))
                : Tensors.cat(
                        List.of(
                                run(Role.Q_PROJ, x, tap, Epilogue.NONE),
                                run(Role.K_PROJ, x, tap, Epilogue.NONE),
                                run(Role.V_PROJ, x, tap, Epilogue.NONE)),
                        -1);
        qkv = qkv.to(DType.F32);
        if (angles == null) {
            return qkv;
        }
        var own = block.heads().pairs().isEmpty() ? angles : angles.of(block.heads(), spec.heads() / spec.kvHeads());
        return own.rotate(qkv, rotatedWidth(), block.heads().keyDim());
    }

    /// Width of all query and key heads together.
    private long rotatedWidth() {
        return (spec.heads() + spec.kvHeads()) * (long) block.heads().keyDim();
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

    private Tensor mlp(Tensor hidden, SiteTap tap) {
        return mlpOutput(hidden, mlpHidden(hidden, tap), tap);
    }

    private Tensor mlpOutput(Tensor hidden, Tensor inner, SiteTap tap) {
        tap.input(Feed.MLP_HIDDEN, inner);
        var sum = run(Role.DOWN_PROJ, inner, tap, new Epilogue.Plus(hidden));
        return spec.residual() == Residual.NORM_LAST ? mlpNorm.apply(sum) : sum;
    }

    private Tensor mlpHidden(Tensor hidden, SiteTap tap) {
        return TensorScope.tidy(() -> {
            var input = mlpInput(hidden);
            tap.input(Feed.MLP_INPUT, input);
            var x = narrowed(input, tap);
            if (!block.gated()) {
                return activated(Role.UP_PROJ, x, tap);
            }
            var gate = activated(Role.GATE_PROJ, x, tap);
            return run(Role.UP_PROJ, x, tap, new Epilogue.Times(gate));
        });
    }

    private Tensor activated(Role role, Tensor x, SiteTap tap) {
        return spec.activation() == Activation.SILU
                ? run(role, x, tap, Epilogue.SILU)
                : spec.activation().apply(run(role, x, tap, Epilogue.NONE));
    }

    /// What feeds several linears in the type that they multiply in, so that it is converted once and stays
    /// narrow between them.
    private Tensor narrowed(Tensor x, SiteTap tap) {
        return x.to(narrowType(x.dtype(), tap));
    }

    /// The type that all linears multiply in; `type` where they differ, somebody watches or gradients are
    /// recorded.
    private DType narrowType(DType type, SiteTap tap) {
        if (!tap.equals(SiteTap.NONE) || Grad.enabled()) {
            return type;
        }
        var types =
                linears.values().stream().map(TorchLinear::products).distinct().toList();
        return types.size() == 1 ? types.getFirst() : type;
    }

    private Tensor run(Role role, Tensor x, SiteTap tap, Epilogue epilogue) {
        var linear = linears.get(role);
        if (linear == null) {
            throw new IllegalStateException("Block " + block.index() + " has no " + role);
        }
        if (tap.equals(SiteTap.NONE)) {
            return epilogue instanceof Epilogue.Plus && x.dtype() != DType.F32
                    ? TensorScope.tidy(
                            () -> epilogue.after(linear.apply(x, Epilogue.NONE).to(DType.F32)))
                    : linear.apply(x, epilogue);
        }
        var y = linear.apply(x, Epilogue.NONE);
        tap.output(role, y);
        return epilogue.after(y);
    }

    @Override
    public List<Tensor> tensors() {
        return Stream.concat(Stream.of(attentionNorm, mlpNorm), linears.values().stream())
                .flatMap(owner -> owner.tensors().stream())
                .toList();
    }
}
