package dev.lowrank.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.Consumer;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.global.torch;

/// Makes tensors. Every result belongs to the innermost [TensorScope].
public final class Tensors {
    private Tensors() {}

    /// Copies plain memory into a new tensor of the same dtype; the F8 and block types become F32.
    ///
    /// @param host elements; mapped files are welcome, they are read through the JVM, which survives a
    ///     truncated
    /// file
    /// @return a tensor that no longer depends on `host`
    public static Tensor from(HostTensor host) {
        return switch (host.dtype()) {
            case F8_E4M3, F8_E5M2 -> fromFloat8(host);
            case Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, NF4 ->
                filled(DType.F32, host.shape(), memory -> BlockDecoder.decode(host, memory));
            case F64, F32, F16, BF16, I64, I32, I16, U8 ->
                filled(host.dtype(), host.shape(), memory -> memory.copyFrom(host.data()));
        };
    }

    /// Copies plain memory into a new tensor, converted.
    ///
    /// @param host elements
    /// @param target element type of the result
    /// @return a tensor that no longer depends on `host`
    public static Tensor from(HostTensor host, DType target) {
        return TensorScope.tidy(() -> from(host).to(target));
    }

    /// A tensor over `host`'s own bytes, without a copy.
    ///
    /// Only for anonymous native memory: reading a mapped file whose tail was cut off raises a signal
    /// inside LibTorch that ends the JVM, while [#from] reads through the JVM and gets an exception.
    ///
    /// @param host native, unmapped, aligned to its element size; must outlive the tensor and every view of
    ///     it
    /// @return a tensor sharing memory with `host`
    /// @throws IllegalArgumentException if the memory is on the heap, mapped or unaligned, or of an F8 or
    ///     block type
    public static Tensor view(HostTensor host) {
        var data = host.data();
        if (host.dtype().isBlocks()) {
            throw new IllegalArgumentException(
                    "LibTorch has no type " + host.dtype() + "; decode the tensor with Tensors.from");
        }
        if (!data.isNative() || data.isMapped() || data.address() % host.dtype().bytes() != 0) {
            throw new IllegalArgumentException(
                    "A tensor can only look at aligned native memory that is no file mapping," + " but this is " + data
                            + "; copy it with Tensors.from");
        }
        return Native.own(
                "from_blob",
                () -> torch.from_blob(HostMemory.pointer(data), host.shape().toArray(), Native.options(host.dtype())));
    }

    /// @param values elements, row-major
    /// @param sizes dimension sizes
    /// @return an F32 tensor
    public static Tensor ofFloats(float[] values, long... sizes) {
        return from(new HostTensor(DType.F32, Shape.of(sizes), MemorySegment.ofArray(values)));
    }

    /// @param values elements, row-major
    /// @param sizes dimension sizes
    /// @return an F64 tensor
    public static Tensor ofDoubles(double[] values, long... sizes) {
        return from(new HostTensor(DType.F64, Shape.of(sizes), MemorySegment.ofArray(values)));
    }

    /// @param values elements, row-major
    /// @param sizes dimension sizes
    /// @return an I64 tensor
    public static Tensor ofLongs(long[] values, long... sizes) {
        return from(new HostTensor(DType.I64, Shape.of(sizes), MemorySegment.ofArray(values)));
    }

    /// @return zeros
    public static Tensor zeros(DType dtype, long... sizes) {
        return Native.own("zeros", () -> torch.zeros(sizes, Native.options(dtype)));
    }

    /// @return a tensor whose values are not set; for results that are written part by part
    public static Tensor empty(DType dtype, long... sizes) {
        return Native.own("empty", () -> torch.empty(sizes, Native.options(dtype), new MemoryFormatOptional()));
    }

    /// @return ones
    public static Tensor ones(DType dtype, long... sizes) {
        return Native.own("ones", () -> torch.ones(sizes, Native.options(dtype)));
    }

    /// @return `value` everywhere
    public static Tensor full(double value, DType dtype, long... sizes) {
        return Native.own("full", () -> torch.full(sizes, Native.scalar(dtype, value), Native.options(dtype)));
    }

    /// @return the identity `[n, n]`
    public static Tensor eye(DType dtype, long n) {
        return Native.own("eye", () -> torch.eye(n, Native.options(dtype)));
    }

    /// @return `start, start + 1, ...` below `end`
    public static Tensor arange(long start, long end, DType dtype) {
        return Native.own("arange", () -> torch.arange(new Scalar(start), new Scalar(end), Native.options(dtype)));
    }

    /// Standard normal numbers from a generator of their own: the same seed, dtype and sizes give the same
    /// numbers.
    ///
    /// @param seed of the generator
    /// @param dtype a floating type
    /// @param sizes dimension sizes
    /// @return the numbers
    public static Tensor randn(long seed, DType dtype, long... sizes) {
        return Native.own(
                "randn",
                () -> torch.randn(sizes, new GeneratorOptional(torch.make_generator_cpu(seed)), Native.options(dtype)));
    }

    /// @param tensors at least one, of one dtype
    /// @param dimension along which they follow one another
    /// @return a copy of all of them
    public static Tensor cat(List<Tensor> tensors, long dimension) {
        return Native.own("cat", () -> torch.cat(Native.vector(tensors), dimension), tensors.toArray(Tensor[]::new));
    }

    /// @param tensors at least one, of one shape and dtype
    /// @param dimension the new dimension
    /// @return a copy of all of them
    public static Tensor stack(List<Tensor> tensors, long dimension) {
        return Native.own(
                "stack", () -> torch.stack(Native.vector(tensors), dimension), tensors.toArray(Tensor[]::new));
    }

    /// @param condition U8, nonzero where `yes` is taken
    /// @param yes values, broadcast
    /// @param no values of the same dtype, broadcast
    /// @return elementwise choice
    public static Tensor where(Tensor condition, Tensor yes, Tensor no) {
        return Native.own(
                "where",
                () -> torch.where(condition.handle().ne(new Scalar(0L)), yes.handle(), no.handle()),
                condition,
                yes,
                no);
    }

    private static Tensor fromFloat8(HostTensor host) {
        var table = new float[256];
        for (var i = 0; i < 256; i++) {
            table[i] = host.dtype() == DType.F8_E4M3 ? Float8.e4m3((byte) i) : Float8.e5m2((byte) i);
        }
        return filled(DType.F32, host.shape(), memory -> {
            var elements = host.shape().elements();
            for (var i = 0L; i < elements; i++) {
                memory.set(HostTensor.FLOAT, i * 4, table[host.data().get(ValueLayout.JAVA_BYTE, i) & 0xFF]);
            }
        });
    }

    /// A tensor whose memory somebody fills, e.g. from a file.
    ///
    /// @param fill gets memory that is not set yet and only lent: elements row-major, in native byte order
    public static Tensor filled(DType dtype, Shape shape, Consumer<MemorySegment> fill) {
        return Native.own("filled", () -> {
            var handle = torch.empty(shape.toArray(), Native.options(dtype), new MemoryFormatOptional());
            fill.accept(HostMemory.of(handle, shape.elements() * dtype.bytes()));
            return handle;
        });
    }
}
