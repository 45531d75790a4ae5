package dev.lowrank.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.jspecify.annotations.Nullable;

/// A native tensor. Methods carry PyTorch's names in camelCase and its broadcasting; a name that ends in
/// `_` works in place. Dtypes never change silently: operands of two dtypes are an error, [#to] converts.
///
/// Every result belongs to the innermost [TensorScope] and needs one; methods that only read do not. A
/// dimension index may be negative and then counts from the end. Native refusals come as [TensorException].
public final class Tensor {
    private final Shape shape;
    private final DType dtype;
    private final long bytes;
    private org.bytedeco.pytorch.@Nullable Tensor handle;
    private Holder holder;

    /// Takes over `handle`, which must be owned, inside a pointer scope.
    Tensor(org.bytedeco.pytorch.Tensor handle, Holder holder) {
        var sizes = new long[(int) handle.dim()];
        for (var i = 0; i < sizes.length; i++) {
            sizes[i] = handle.size(i);
        }
        this.shape = Shape.of(sizes);
        this.dtype = Native.dtype(handle.scalar_type());
        this.bytes = shape.elements() * dtype.bytes();
        this.handle = handle.retainReference();
        this.holder = holder;
        NativeMemory.made(bytes);
    }

    /// @return sizes, outermost first
    public Shape shape() {
        return shape;
    }

    /// @return element type
    public DType dtype() {
        return dtype;
    }

    /// @return number of elements
    public long elements() {
        return shape.elements();
    }

    /// @return number of dimensions
    public int rank() {
        return shape.rank();
    }

    /// @param dimension index from 0, or from the end if negative
    /// @return its size
    public long size(int dimension) {
        return shape.size(dimension);
    }

    /// @param target element type, not an F8 one
    /// @return the same values rounded to `target`; the same storage if it already is of that type
    public Tensor to(DType target) {
        return Native.own("to", () -> handle().to(Native.scalarType(target)), this);
    }

    /// @return a copy with storage of its own
    public Tensor copy() {
        return Native.own("clone", () -> handle().clone(), this);
    }

    /// @return the same values in row-major storage; the same storage if they already lie so
    public Tensor contiguous() {
        return Native.own("contiguous", () -> handle().contiguous(), this);
    }

    /// @param sizes new sizes; one of them may be -1
    /// @return the same elements in row-major order, a view where possible
    public Tensor reshape(long... sizes) {
        return Native.own("reshape", () -> handle().reshape(sizes), this);
    }

    /// @return a view with two dimensions exchanged
    public Tensor transpose(long first, long second) {
        return Native.own("transpose", () -> handle().transpose(first, second), this);
    }

    /// @return a view of a matrix `[n, m]` as `[m, n]`
    public Tensor t() {
        return Native.own("t", () -> handle().t(), this);
    }

    /// @return a view with dimensions in the order given
    public Tensor permute(long... dimensions) {
        return Native.own("permute", () -> handle().permute(dimensions), this);
    }

    /// @return a view of `length` slices from `start` along `dimension`
    public Tensor narrow(long dimension, long start, long length) {
        return Native.own("narrow", () -> handle().narrow(dimension, start, length), this);
    }

    /// @return a view of one slice, without `dimension`
    public Tensor select(long dimension, long index) {
        return Native.own("select", () -> handle().select(dimension, index), this);
    }

    /// @param indices `[k]` I64 or I32
    /// @return a copy of the slices named, in that order
    public Tensor indexSelect(long dimension, Tensor indices) {
        return Native.own("index_select", () -> handle().index_select(dimension, indices.handle()), this, indices);
    }

    /// @param indices I64, of this tensor's rank
    /// @return `out[..i..] = this[..indices[..i..]..]` along `dimension`
    public Tensor gather(long dimension, Tensor indices) {
        return Native.own("gather", () -> handle().gather(dimension, indices.handle()), this, indices);
    }

    /// @return a view without `dimension`, which must be of size 1 to vanish
    public Tensor squeeze(long dimension) {
        return Native.own("squeeze", () -> handle().squeeze(dimension), this);
    }

    /// @return a view with a new dimension of size 1 at `dimension`
    public Tensor unsqueeze(long dimension) {
        return Native.own("unsqueeze", () -> handle().unsqueeze(dimension), this);
    }

    /// @return a view that repeats dimensions of size 1; -1 keeps a size
    public Tensor expand(long... sizes) {
        return Native.own("expand", () -> handle().expand(sizes), this);
    }

    /// @return each slice along `dimension` repeated `times` times in a row, as grouped attention needs
    public Tensor repeatInterleave(long times, long dimension) {
        return Native.own(
                "repeat_interleave",
                () -> handle().repeat_interleave(times, new LongOptional(dimension), new LongOptional()),
                this);
    }

    /// @return a copy with the order along `dimension` reversed
    public Tensor flip(long dimension) {
        return Native.own("flip", () -> handle().flip(dimension), this);
    }

    /// @return a view of the diagonal of a matrix
    public Tensor diagonal() {
        return Native.own("diagonal", () -> handle().diagonal(), this);
    }

    /// @return the upper triangle from the `offset`-th diagonal on, zeros below
    public Tensor triu(long offset) {
        return Native.own("triu", () -> handle().triu(offset), this);
    }

    /// @return the lower triangle up to the `offset`-th diagonal, zeros above
    public Tensor tril(long offset) {
        return Native.own("tril", () -> handle().tril(offset), this);
    }

    /// @param other same dtype
    /// @return matrix product, batched over leading dimensions
    public Tensor matmul(Tensor other) {
        Native.requireSameDType("matmul", this, other);
        if (SideBySide.pays(this, other)) {
            return SideBySide.product(this, other);
        }
        return Native.own("matmul", () -> handle().matmul(other.handle()), this, other);
    }

    /// In place: `this += a b`, the accumulating product; all of one dtype.
    /// @param a `[n, k]`
    /// @param b `[k, m]`
    /// @return this tensor `[n, m]`
    public Tensor addMatmul_(Tensor a, Tensor b) {
        Native.requireSameDType("addmm_", this, a);
        Native.requireSameDType("addmm_", this, b);
        return Native.inPlace("addmm_", this, () -> handle().addmm_(a.handle(), b.handle()), a, b);
    }

    /// @return elementwise sum with a tensor of the same dtype, broadcast
    public Tensor add(Tensor other) {
        Native.requireSameDType("add", this, other);
        return Native.own("add", () -> handle().add(other.handle()), this, other);
    }

    /// @return elementwise sum with a number
    public Tensor add(double value) {
        return Native.own("add", () -> handle().add(Native.scalar(dtype, value)), this);
    }

    /// @return elementwise difference with a tensor of the same dtype, broadcast
    public Tensor sub(Tensor other) {
        Native.requireSameDType("sub", this, other);
        return Native.own("sub", () -> handle().sub(other.handle()), this, other);
    }

    /// @return elementwise difference with a number
    public Tensor sub(double value) {
        return Native.own("sub", () -> handle().sub(Native.scalar(dtype, value)), this);
    }

    /// @return elementwise product with a tensor of the same dtype, broadcast
    public Tensor mul(Tensor other) {
        Native.requireSameDType("mul", this, other);
        return Native.own("mul", () -> handle().mul(other.handle()), this, other);
    }

    /// @return elementwise product with a number
    public Tensor mul(double value) {
        return Native.own("mul", () -> handle().mul(Native.scalar(dtype, value)), this);
    }

    /// @return elementwise quotient with a tensor of the same dtype, broadcast
    public Tensor div(Tensor other) {
        Native.requireSameDType("div", this, other);
        Native.requireFloating("div", this);
        return Native.own("div", () -> handle().div(other.handle()), this, other);
    }

    /// @return elementwise quotient with a number
    public Tensor div(double value) {
        Native.requireFloating("div", this);
        return Native.own("div", () -> handle().div(Native.scalar(dtype, value)), this);
    }

    /// @return this tensor, with `other` added in place, broadcast
    public Tensor add_(Tensor other) {
        Native.requireSameDType("add_", this, other);
        return Native.inPlace("add_", this, () -> handle().add_(other.handle()), other);
    }

    /// @return this tensor, with `factor · a ∘ b` added in place, broadcast
    public Tensor addcmul_(Tensor a, Tensor b, double factor) {
        Native.requireSameDType("addcmul_", this, a);
        Native.requireSameDType("addcmul_", this, b);
        return Native.inPlace(
                "addcmul_", this, () -> handle().addcmul_(a.handle(), b.handle(), Native.scalar(dtype, factor)), a, b);
    }

    /// @return this tensor, multiplied in place by `other`, broadcast
    public Tensor mul_(Tensor other) {
        Native.requireSameDType("mul_", this, other);
        return Native.inPlace("mul_", this, () -> handle().mul_(other.handle()), other);
    }

    /// @return this tensor, multiplied in place by a number
    public Tensor mul_(double value) {
        return Native.inPlace("mul_", this, () -> handle().mul_(Native.scalar(dtype, value)));
    }

    /// @return this tensor, given the values of `source` in place, broadcast and converted to this dtype
    public Tensor copy_(Tensor source) {
        return Native.inPlace("copy_", this, () -> handle().copy_(source.handle()), source);
    }

    /// @return this tensor, every element set in place
    public Tensor fill_(double value) {
        return Native.inPlace("fill_", this, () -> handle().fill_(Native.scalar(dtype, value)));
    }

    /// @return this tensor, `source` written in place over the slices from `start` along `dimension`
    public Tensor setNarrow(long dimension, long start, Tensor source) {
        Native.run(
                "setNarrow",
                () -> {
                    var length = source.size((int) dimension);
                    handle().narrow(dimension, start, length).copy_(source.handle());
                },
                this,
                source);
        return this;
    }

    /// @return `-x` elementwise
    public Tensor neg() {
        return Native.own("neg", () -> handle().neg(), this);
    }

    /// @return `|x|` elementwise
    public Tensor abs() {
        return Native.own("abs", () -> handle().abs(), this);
    }

    /// @return `eˣ` elementwise
    public Tensor exp() {
        return Native.own("exp", () -> handle().exp(), this);
    }

    /// @return `ln x` elementwise
    public Tensor log() {
        return Native.own("log", () -> handle().log(), this);
    }

    /// @return `√x` elementwise
    public Tensor sqrt() {
        return Native.own("sqrt", () -> handle().sqrt(), this);
    }

    /// @return `1/√x` elementwise
    public Tensor rsqrt() {
        return Native.own("rsqrt", () -> handle().rsqrt(), this);
    }

    /// @return `x²` elementwise
    public Tensor square() {
        return Native.own("square", () -> handle().square(), this);
    }

    /// @return `cos x` elementwise
    public Tensor cos() {
        return Native.own("cos", () -> handle().cos(), this);
    }

    /// @return `sin x` elementwise
    public Tensor sin() {
        return Native.own("sin", () -> handle().sin(), this);
    }

    /// @return `x^exponent` elementwise
    public Tensor pow(double exponent) {
        return Native.own("pow", () -> handle().pow(new Scalar(exponent)), this);
    }

    /// @return `max(x, least)` elementwise
    public Tensor clampMin(double least) {
        return Native.own("clamp_min", () -> handle().clamp_min(Native.scalar(dtype, least)), this);
    }

    /// @return elementwise `x == other` as U8 0 or 1
    public Tensor eq(Tensor other) {
        return Native.own("eq", () -> handle().eq(other.handle()).to(Native.scalarType(DType.U8)), this, other);
    }

    /// @return elementwise `x > value` as U8 0 or 1
    public Tensor gt(double value) {
        return Native.own("gt", () -> handle().gt(new Scalar(value)).to(Native.scalarType(DType.U8)), this);
    }

    /// @return elementwise `x < value` as U8 0 or 1
    public Tensor lt(double value) {
        return Native.own("lt", () -> handle().lt(new Scalar(value)).to(Native.scalarType(DType.U8)), this);
    }

    /// @return `[]` sum of all elements, in this dtype (I64 for integers)
    public Tensor sum() {
        return Native.own("sum", () -> handle().sum(), this);
    }

    /// @return sum along `dimension`, which stays with size 1 if `keep`
    public Tensor sum(long dimension, boolean keep) {
        return Native.own("sum", () -> handle().sum(new long[] {dimension}, keep, new ScalarTypeOptional()), this);
    }

    /// @return mean along `dimension`, which stays with size 1 if `keep`
    public Tensor mean(long dimension, boolean keep) {
        return Native.own("mean", () -> handle().mean(new long[] {dimension}, keep, new ScalarTypeOptional()), this);
    }

    /// @return `[]` mean of all elements
    public Tensor mean() {
        return Native.own("mean", () -> handle().mean(), this);
    }

    /// @return `[]` largest element; NaN if one is NaN
    public Tensor max() {
        return Native.own("max", () -> handle().max(), this);
    }

    /// @return `[]` smallest element; NaN if one is NaN
    public Tensor min() {
        return Native.own("min", () -> handle().min(), this);
    }

    /// @return largest elements along `dimension`, which stays with size 1 if `keep`
    public Tensor amax(long dimension, boolean keep) {
        return Native.own("amax", () -> handle().amax(new long[] {dimension}, keep), this);
    }

    /// @return I64 index of the (first) largest element along `dimension`, which stays with size 1 if
    ///     `keep`
    public Tensor argmax(long dimension, boolean keep) {
        return Native.own("argmax", () -> handle().argmax(new LongOptional(dimension), keep), this);
    }

    /// @return running sums along `dimension`
    public Tensor cumsum(long dimension) {
        return Native.own("cumsum", () -> handle().cumsum(dimension), this);
    }

    /// @return `[]` Frobenius norm
    public Tensor norm() {
        return Native.own("norm", () -> handle().norm(), this);
    }

    /// @return softmax along `dimension`
    public Tensor softmax(long dimension) {
        return Native.own("softmax", () -> handle().softmax(dimension), this);
    }

    /// @return log-softmax along `dimension`
    public Tensor logSoftmax(long dimension) {
        return Native.own("log_softmax", () -> handle().log_softmax(dimension), this);
    }

    /// @return the `k` largest along `dimension`, largest first, with their I64 indices
    public Ranked topk(long k, long dimension) {
        var pair = Native.ownPair("topk", () -> handle().topk(k, dimension, true, true), this);
        return new Ranked(pair.get(0), pair.get(1));
    }

    /// Stable: equal elements keep their order.
    /// @return the elements sorted along `dimension`, with their I64 indices
    public Ranked sort(long dimension, boolean descending) {
        var pair = Native.ownPair("sort", () -> handle().sort(new BoolOptional(true), dimension, descending), this);
        return new Ranked(pair.get(0), pair.get(1));
    }

    /// @return whether no element is NaN or infinite
    public boolean isFiniteAll() {
        // A sum is finite only if everything is, and costs a third; one that overflowed proves nothing.
        return Native.read(
                "isfinite",
                () -> Double.isFinite(handle().sum().item_double())
                        || handle().isfinite().all().item().toBool(),
                this);
    }

    /// @return how many elements are NaN or infinite
    public long countNonFinite() {
        return Native.read(
                "isfinite", () -> handle().isfinite().logical_not().sum().item_long(), this);
    }

    /// @return whether shape, dtype and every element are equal (NaN equals nothing)
    public boolean equalsAll(Tensor other) {
        return dtype == other.dtype
                && shape.equals(other.shape)
                && Native.read("equal", () -> handle().equal(other.handle()), this, other);
    }

    /// @return the only element
    /// @throws IllegalArgumentException if there is not exactly one
    public double item() {
        if (elements() != 1) {
            throw new IllegalArgumentException("item() needs exactly one element, but this is " + this);
        }
        return Native.read("item", () -> handle().item_double(), this);
    }

    /// @return the elements as floats, row-major
    public float[] toFloats() {
        var values = new float[HostMemory.arraySize(this)];
        HostMemory.copy(this, DType.F32, MemorySegment.ofArray(values));
        return values;
    }

    /// @return the elements as doubles, row-major
    public double[] toDoubles() {
        var values = new double[HostMemory.arraySize(this)];
        HostMemory.copy(this, DType.F64, MemorySegment.ofArray(values));
        return values;
    }

    /// @return the elements as longs, row-major
    public long[] toLongs() {
        var values = new long[HostMemory.arraySize(this)];
        HostMemory.copy(this, DType.I64, MemorySegment.ofArray(values));
        return values;
    }

    /// @param target element type of the result, not an F8 one
    /// @param arena owns the result's memory
    /// @return a copy in plain memory
    public HostTensor toHost(DType target, Arena arena) {
        var data = arena.allocate(Math.multiplyExact(elements(), (long) target.bytes()), 64);
        HostMemory.copy(this, target, data);
        return new HostTensor(target, shape, data);
    }

    /// Lends the elements as plain memory, row-major; without a copy where they lie so already.
    ///
    /// @param target element type of what is lent, not an F8 one
    /// @param reader may look at the memory until it returns
    public void lend(DType target, Consumer<MemorySegment> reader) {
        HostMemory.lend(this, target, reader);
    }

    /// @return dtype and shape, as in `F32[2, 3]`
    @Override
    public String toString() {
        return dtype + shape.toString();
    }

    org.bytedeco.pytorch.Tensor handle() {
        if (handle == null) {
            throw new IllegalStateException("Tensor " + this + " was used after " + holder.describe()
                    + "; return it from tidy, keep it with scope.keep, or hold it in a TensorStore");
        }
        return handle;
    }

    Holder holder() {
        return holder;
    }

    void moveTo(Holder next) {
        var _ = handle();
        holder = next;
    }

    void release() {
        if (handle != null) {
            handle.releaseReference();
            handle = null;
            NativeMemory.released(bytes);
        }
    }
}
