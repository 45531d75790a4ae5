package dev.lowrank.tensor;

import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import org.bytedeco.javacpp.Pointer;

/// The border between LibTorch's memory and plain segments.
final class HostMemory {
    private HostMemory() {}

    /// A segment over a contiguous tensor's storage; valid while the tensor lives.
    @SuppressWarnings("restricted")
    static MemorySegment of(org.bytedeco.pytorch.Tensor contiguous, long bytes) {
        return bytes == 0
                ? MemorySegment.NULL
                : MemorySegment.ofAddress(contiguous.data_ptr().address()).reinterpret(bytes);
    }

    /// Copies all elements, converted and row-major, to `destination`, which is of their size.
    static void copy(Tensor tensor, DType target, MemorySegment destination) {
        lend(tensor, target, destination::copyFrom);
    }

    /// Shows all elements, converted and row-major, to a reader.
    static void lend(Tensor tensor, DType target, Consumer<MemorySegment> reader) {
        Native.run(
                "copy to host",
                () -> {
                    var source = tensor.handle().to(Native.scalarType(target)).contiguous();
                    reader.accept(of(source, tensor.elements() * target.bytes()));
                },
                tensor);
    }

    /// @return number of elements, if a Java array can have as many
    static int arraySize(Tensor tensor) {
        if (tensor.elements() > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException(tensor + " does not fit into a Java array; use toHost");
        }
        return (int) tensor.elements();
    }

    /// A pointer to a segment's first byte; it frees nothing.
    static Pointer pointer(MemorySegment segment) {
        return new SegmentPointer(segment.address());
    }

    private static final class SegmentPointer extends Pointer {
        SegmentPointer(long address) {
            this.address = address;
        }
    }
}
