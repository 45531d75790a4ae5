package dev.lowrank.tensor;

import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
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

    /// Rows per thread below which reading the weight takes longer than multiplying.
    private static final long FEW_ROWS = 8;

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

    /// The rows of `x` in equal parts, one for each thread; the outputs where there are few rows.
    private static Tensor splitLinear(Tensor x, long rows, Tensor w, @Nullable Tensor b) {
        return TensorScope.tidy(() -> {
            var flat = x.reshape(rows, x.size(-1));
            var sizes = x.shape().toArray();
            sizes[sizes.length - 1] = w.size(0);
            var result = Tensors.empty(x.dtype(), rows, w.size(0));
            var byRows = rows >= FEW_ROWS * Compute.threads();
            SideBySide.each(byRows ? rows : w.size(0), (from, count) -> {
                if (byRows) {
                    linearInto(result.narrow(0, from, count), flat.narrow(0, from, count), w, b);
                } else {
                    var bias = b == null ? null : b.narrow(0, from, count);
                    linearInto(result.narrow(1, from, count), flat, w.narrow(0, from, count), bias);
                }
            });
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
                    var wide = x.handle().to(Native.scalarType(wide(x.dtype())));
                    // A norm's own operation takes twice the time of squares and their mean.
                    var factor = wide.square()
                            .mean(new long[] {-1}, true, new ScalarTypeOptional())
                            .add_(new Scalar(eps))
                            .rsqrt_();
                    return wide.mul(factor).to(type).mul(weight.handle().to(type));
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

    /// @return `tanh(x)`
    public static Tensor tanh(Tensor x) {
        return Native.own("tanh", () -> torch.tanh(x.handle()), x);
    }

    /// @return `max(x, 0)`
    public static Tensor relu(Tensor x) {
        return Native.own("relu", () -> torch.relu(x.handle()), x);
    }

    /// `softmax(scale · q kᵀ) v`, where a query sees the keys up to its own position; the queries are the
    /// last positions of the keys. No whole score matrix is ever stored.
    ///
    /// @param q `[batch, heads, queries, keyDim]`
    /// @param k `[batch, kvHeads, keys, keyDim]`; `kvHeads` divides `heads`, `keys` is at least `queries`
    /// @param v `[batch, kvHeads, keys, valueDim]`
    /// @param scale factor on the scores, usually `1/√keyDim`
    /// @return `[batch, heads, queries, valueDim]`
    public static Tensor causalAttention(Tensor q, Tensor k, Tensor v, double scale) {
        if (k.size(1) == 0 || q.size(1) % k.size(1) != 0) {
            throw new IllegalArgumentException("Grouped attention needs a multiple of " + k.size(1)
                    + " key heads, but q has " + q.size(1) + " heads");
        }
        if (q.size(2) > k.size(2)) {
            throw new IllegalArgumentException(
                    "Causal attention needs a key for each query, but q is " + q + " and k is " + k);
        }
        return Grad.enabled()
                ? differentiableAttention(q, k, v, scale)
                : TensorScope.tidy(() -> new CausalAttention(q, k, v, scale).run());
    }

    /// `softmax(scale · q kᵀ) v`, where every query sees every key.
    ///
    /// @param q `[batch, heads, queries, keyDim]`
    /// @param k `[batch, kvHeads, keys, keyDim]`; `kvHeads` divides `heads`
    /// @param v `[batch, kvHeads, keys, valueDim]`
    /// @param scale factor on the scores, usually `1/√keyDim`
    /// @return `[batch, heads, queries, valueDim]`
    public static Tensor fullAttention(Tensor q, Tensor k, Tensor v, double scale) {
        return dotProductAttention(q, k, v, null, false, scale);
    }

    private static Tensor differentiableAttention(Tensor q, Tensor k, Tensor v, double scale) {
        var square = q.size(2) == k.size(2);
        return TensorScope.tidy(() -> {
            var mask = square ? null : CausalAttention.future(q.dtype(), q.size(2), k.size(2));
            return dotProductAttention(q, k, v, mask, square, scale);
        });
    }

    /// By LibTorch's kernel, which on CPU wants as many key as query heads.
    ///
    /// @param mask added to the scores; null for none
    /// @param triangle whether each query sees only the keys up to its own place
    private static Tensor dotProductAttention(
            Tensor q, Tensor k, Tensor v, @Nullable Tensor mask, boolean triangle, double scale) {
        var groups = q.size(1) / k.size(1);
        return Native.own(
                "scaled_dot_product_attention",
                () -> torch.scaled_dot_product_attention(
                        q.handle(),
                        heads(k, groups),
                        heads(v, groups),
                        mask == null ? new TensorOptional() : optional(mask),
                        0.0,
                        triangle,
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

    /// Where each value belongs in the rising row beside it: the number of elements below it.
    ///
    /// @param rising `[n, m]`, each row in rising order
    /// @param values `[n, k]`, same dtype
    /// @return I64 `[n, k]`, 0 to m
    public static Tensor searchSorted(Tensor rising, Tensor values) {
        Native.requireSameDType("searchsorted", rising, values);
        return Native.own("searchsorted", () -> torch.searchsorted(rising.handle(), values.handle()), rising, values);
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
