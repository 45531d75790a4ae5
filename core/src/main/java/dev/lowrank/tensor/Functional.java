package dev.lowrank.tensor;

import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/// The layers' arithmetic. Results belong to the innermost [TensorScope]; operands of one call share a
/// dtype.
public final class Functional {
    /// Mean reduction code of LibTorch that leaves losses apart.
    private static final long REDUCTION_NONE = 0;

    /// A target that counts for nothing in [#crossEntropy].
    public static final long IGNORED = -100;

    private Functional() {}

    /// `y = x Wᵀ + b`.
    ///
    /// @param x `[..., in]`
    /// @param w `[out, in]`
    /// @param b `[out]` or none
    /// @return `[..., out]`
    public static Tensor linear(Tensor x, Tensor w, @Nullable Tensor b) {
        var rows = x.rank() == 0 || x.size(-1) == 0 ? 0 : x.elements() / x.size(-1);
        if (!Grad.enabled() && Compute.worthSplitting(rows, x.size(-1), w.size(0))) {
            return splitLinear(x, rows, w, b);
        }
        return wholeLinear(x, w, b);
    }

    /// The rows of `x` in equal parts, one for each thread.
    private static Tensor splitLinear(Tensor x, long rows, Tensor w, @Nullable Tensor b) {
        return TensorScope.tidy(() -> {
            var flat = x.reshape(rows, x.size(-1));
            var sizes = x.shape().toArray();
            sizes[sizes.length - 1] = w.size(0);
            var result = Tensors.empty(x.dtype(), rows, w.size(0));
            var parts = Compute.threads();
            Compute.each(
                    parts,
                    part -> TensorScope.tidyRun(() -> {
                        var from = rows * part / parts;
                        var count = rows * (part + 1) / parts - from;
                        linearInto(result.narrow(0, from, count), flat.narrow(0, from, count), w, b);
                    }));
            return result.reshape(sizes);
        });
    }

    private static void linearInto(Tensor target, Tensor x, Tensor w, @Nullable Tensor b) {
        var transposed = w.t();
        if (b == null) {
            Native.run("linear", () -> torch.mm_out(target.handle(), x.handle(), transposed.handle()), target, x, w);
        } else {
            Native.run(
                    "linear",
                    () -> torch.addmm_out(target.handle(), b.handle(), x.handle(), transposed.handle()),
                    target,
                    x,
                    w,
                    b);
        }
    }

    private static Tensor wholeLinear(Tensor x, Tensor w, @Nullable Tensor b) {
        return b == null
                ? Native.own("linear", () -> torch.linear(x.handle(), w.handle()), x, w)
                : Native.own("linear", () -> torch.linear(x.handle(), w.handle(), optional(b)), x, w, b);
    }

    /// Rows of a table.
    ///
    /// @param ids any shape, I64 or I32
    /// @param table `[vocab, width]`
    /// @return `[ids..., width]`
    public static Tensor embedding(Tensor ids, Tensor table) {
        return Native.own("embedding", () -> torch.embedding(table.handle(), ids.handle()), ids, table);
    }

    /// `x / √(mean(x²) + eps) · weight` over the last dimension. The mean and the division are in F32 (F64
    /// for F64 input), rounded to `x`'s dtype before `weight`, as Llama-type models are trained.
    ///
    /// @param x `[..., n]`
    /// @param weight `[n]`
    /// @param eps added to the mean square
    /// @return `[..., n]`, dtype of `x`
    public static Tensor rmsNorm(Tensor x, Tensor weight, double eps) {
        return Native.own(
                "rms_norm",
                () -> {
                    var type = Native.scalarType(x.dtype());
                    var wide = Native.scalarType(wide(x.dtype()));
                    var unit = torch.rms_norm(
                            x.handle().to(wide),
                            weight.shape().toArray(),
                            new TensorOptional(),
                            new DoubleOptional(eps));
                    return unit.to(type).mul(weight.handle().to(type));
                },
                x,
                weight);
    }

    /// `(x − mean) / √(var + eps) · weight + bias` over the last dimension.
    ///
    /// @param x `[..., n]`
    /// @param weight `[n]`
    /// @param bias `[n]` or none
    /// @param eps added to the (biased) variance
    /// @return `[..., n]`
    public static Tensor layerNorm(Tensor x, Tensor weight, @Nullable Tensor bias, double eps) {
        return Native.own(
                "layer_norm",
                () -> torch.layer_norm(
                        x.handle(),
                        weight.shape().toArray(),
                        optional(weight),
                        bias == null ? new TensorOptional() : optional(bias),
                        eps,
                        false),
                x,
                weight);
    }

    /// @return `x · sigmoid(x)`
    public static Tensor silu(Tensor x) {
        return Native.own("silu", () -> torch.silu(x.handle()), x);
    }

    /// @return `x · Φ(x)`, by the error function
    public static Tensor gelu(Tensor x) {
        return Native.own("gelu", () -> torch.gelu(x.handle()), x);
    }

    /// @return `x · Φ(x)` in the tanh approximation of GPT-2
    public static Tensor geluTanh(Tensor x) {
        return Native.own("gelu_tanh", () -> torch.gelu(x.handle(), "tanh"), x);
    }

    /// @return `max(x, 0)`
    public static Tensor relu(Tensor x) {
        return Native.own("relu", () -> torch.relu(x.handle()), x);
    }

    /// `softmax(scale · q kᵀ + mask) v` by LibTorch's fused kernel, which never stores the whole score
    /// matrix.
    ///
    /// On CPU that kernel wants as many key as query heads, so with `enableGqa` key and value heads are
    /// repeated first: a copy of `[batch, heads, keys, headDim]`, small beside the scores that the unfused
    /// path would store.
    ///
    /// @param q `[batch, heads, queries, headDim]`
    /// @param k `[batch, kvHeads, keys, headDim]`
    /// @param v `[batch, kvHeads, keys, headDim]`
    /// @param mask added to the scores, broadcast to `[batch, heads, queries, keys]`, or none
    /// @param causal each query sees the keys up to its own position; needs `queries = keys` and no mask
    /// @param scale factor on the scores, usually `1/√headDim`
    /// @param enableGqa whether `kvHeads` may be a divisor of `heads`
    /// @return `[batch, heads, queries, headDim]`
    public static Tensor scaledDotProductAttention(
            Tensor q, Tensor k, Tensor v, @Nullable Tensor mask, boolean causal, double scale, boolean enableGqa) {
        if (causal && (mask != null || q.size(-2) != k.size(-2))) {
            throw new IllegalArgumentException("Causal attention needs as many queries as keys and no mask, but q is "
                    + q + ", k is " + k + (mask == null ? "" : ", mask is " + mask) + "; pass one mask that does both");
        }
        var groups = enableGqa ? groups(q, k) : 1;
        if (!Grad.enabled() && Compute.worthSplitting(q.elements(), k.size(-2), 1)) {
            return splitAttention(q, k, v, mask, causal, scale, groups);
        }
        return wholeAttention(q, k, v, mask, causal, scale, groups);
    }

    /// A query head at a time; the key head that it shares is only looked at.
    private static Tensor splitAttention(
            Tensor q, Tensor k, Tensor v, @Nullable Tensor mask, boolean causal, double scale, long groups) {
        var result = Tensors.empty(q.dtype(), q.shape().toArray());
        Compute.each(
                (int) q.size(1),
                head -> TensorScope.tidyRun(() -> {
                    var shared = head / groups;
                    var own = mask == null || mask.rank() < 3 || mask.size(-3) == 1 ? mask : mask.narrow(-3, head, 1);
                    result.narrow(1, head, 1)
                            .copy_(wholeAttention(
                                    q.narrow(1, head, 1),
                                    k.narrow(1, shared, 1),
                                    v.narrow(1, shared, 1),
                                    own,
                                    causal,
                                    scale,
                                    1));
                }));
        return result;
    }

    private static Tensor wholeAttention(
            Tensor q, Tensor k, Tensor v, @Nullable Tensor mask, boolean causal, double scale, long groups) {
        return Native.own(
                "scaled_dot_product_attention",
                () -> torch.scaled_dot_product_attention(
                        q.handle(),
                        heads(k, groups),
                        heads(v, groups),
                        mask == null ? new TensorOptional() : optional(mask),
                        0.0,
                        causal,
                        new DoubleOptional(scale),
                        false),
                q,
                k,
                v);
    }

    /// `−ln softmax(logits)[target]` per row, in F32 (F64 for F64 logits).
    ///
    /// @param logits `[n, vocab]`
    /// @param targets `[n]` I64; [#IGNORED] gives 0
    /// @return `[n]` nats
    public static Tensor crossEntropy(Tensor logits, Tensor targets) {
        return Native.own(
                "cross_entropy",
                () -> torch.cross_entropy_loss(
                        logits.handle().to(Native.scalarType(wide(logits.dtype()))),
                        targets.handle(),
                        new TensorOptional(),
                        REDUCTION_NONE,
                        IGNORED,
                        0.0),
                logits,
                targets);
    }

    /// In place: adds each element of `source` to the element of `target` that its index names along the
    /// last dimension.
    ///
    /// @param target `[n, m]`, no part of a recorded computation
    /// @param indices `[n, k]` I64
    /// @param source `[n, k]`, dtype of `target`
    /// @return `target`
    public static Tensor scatterAdd_(Tensor target, Tensor indices, Tensor source) {
        Native.requireSameDType("scatter_add_", target, source);
        return Native.inPlace(
                "scatter_add_",
                target,
                () -> target.handle().scatter_add_(-1, indices.handle(), source.handle()),
                indices,
                source);
    }

    private static long groups(Tensor q, Tensor k) {
        var queryHeads = q.size(1);
        var keyHeads = k.size(1);
        if (keyHeads == 0 || queryHeads % keyHeads != 0) {
            throw new IllegalArgumentException("Grouped attention needs a multiple of " + keyHeads
                    + " key heads, but q has " + queryHeads + " heads");
        }
        return queryHeads / keyHeads;
    }

    private static org.bytedeco.pytorch.Tensor heads(Tensor kv, long groups) {
        return groups == 1
                ? kv.handle()
                : kv.handle().repeat_interleave(groups, new LongOptional(1), new LongOptional());
    }

    private static DType wide(DType dtype) {
        return dtype == DType.F64 ? DType.F64 : DType.F32;
    }

    private static TensorOptional optional(Tensor tensor) {
        return new TensorOptional(tensor.handle());
    }
}
