package dev.lowrank.tensor;

import java.lang.foreign.MemorySegment;
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
