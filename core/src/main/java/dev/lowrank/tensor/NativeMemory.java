package dev.lowrank.tensor;

import java.util.concurrent.atomic.AtomicLong;
import org.bytedeco.javacpp.Pointer;

/// What native memory holds right now: our tensors, JavaCPP's objects, and the process as the system sees
/// it.
///
/// The two counters are process-wide by nature; they count and steer nothing.
public final class NativeMemory {
    private static final AtomicLong TENSORS = new AtomicLong();
    private static final AtomicLong BYTES = new AtomicLong();

    private NativeMemory() {}

    /// @return tensor handles made and not yet released
    public static long liveTensors() {
        return TENSORS.get();
    }

    /// @return logical bytes (elements times element size) of the live handles; views count again
    public static long liveBytes() {
        return BYTES.get();
    }

    /// @return native objects that JavaCPP tracks, scalars and options included
    public static long livePointers() {
        return Pointer.totalCount();
    }

    /// @return physical bytes of this process, heap and native together
    public static long residentBytes() {
        return Pointer.physicalBytes();
    }

    static void made(long bytes) {
        TENSORS.incrementAndGet();
        BYTES.addAndGet(bytes);
    }

    static void released(long bytes) {
        TENSORS.decrementAndGet();
        BYTES.addAndGet(-bytes);
    }
}
