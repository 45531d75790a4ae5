package dev.lowrank.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Memory for weights that are read once a token from end to end, cut from few large pieces. On Linux it
/// asks for large pages, which the system may grant: finding the place of a small page costs about as much
/// as reading from it.
///
/// It belongs to one thread at a time; the arena frees all of it.
public final class LargeMemory {
    private static final long PAGE = 2L << 20;
    private static final long PIECE = 64L << 20;
    private static final long ALIGNMENT = 64;
    /// The advice to use large pages, from Linux's `mman.h`.
    private static final int MADV_HUGEPAGE = 14;

    private static final int PROT_READ_WRITE = 3;
    private static final int MAP_PRIVATE_ANONYMOUS = 0x22;
    private static final @Nullable Calls LINUX = Calls.find();

    private final Arena arena;
    private final List<MemorySegment> full = new ArrayList<>();
    private MemorySegment piece = MemorySegment.NULL;
    private long used;

    /// @param arena owns what is allocated
    public LargeMemory(Arena arena) {
        this.arena = arena;
    }

    /// @param bytes at least 0
    /// @param ahead how many bytes after these a reader may look at; they may belong to others
    /// @return `bytes` zeroed bytes and the ones after them, aligned to 64
    /// @throws OutOfMemoryError if the system has none left
    public MemorySegment allocate(long bytes, long ahead) {
        var size = Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
        if (used + size + ahead > piece.byteSize()) {
            full.add(piece.asSlice(0, used));
            piece = fresh(Math.max(PIECE, size + ahead));
            used = 0;
        }
        var result = piece.asSlice(used, bytes + ahead);
        used += size;
        return result;
    }

    /// All that was handed out so far, in order, without what lies ahead.
    public List<MemorySegment> allocated() {
        return Stream.concat(full.stream(), Stream.of(piece.asSlice(0, used))).toList();
    }

    private MemorySegment fresh(long bytes) {
        return LINUX == null ? arena.allocate(bytes, ALIGNMENT) : LINUX.map(bytes, arena);
    }

    private record Calls(MethodHandle mmap, MethodHandle munmap, MethodHandle madvise) {
        @SuppressWarnings("restricted")
        static @Nullable Calls find() {
            if (!System.getProperty("os.name").equals("Linux")) {
                return null;
            }
            var linker = Linker.nativeLinker();
            var library = linker.defaultLookup();
            var pointer = ValueLayout.ADDRESS;
            var size = ValueLayout.JAVA_LONG;
            var number = ValueLayout.JAVA_INT;
            return new Calls(
                    linker.downcallHandle(
                            library.findOrThrow("mmap"),
                            FunctionDescriptor.of(pointer, pointer, size, number, number, number, size)),
                    linker.downcallHandle(library.findOrThrow("munmap"), FunctionDescriptor.of(number, pointer, size)),
                    linker.downcallHandle(
                            library.findOrThrow("madvise"), FunctionDescriptor.of(number, pointer, size, number)));
        }

        /// Whole large pages, aligned to them.
        @SuppressWarnings("restricted")
        MemorySegment map(long bytes, Arena arena) {
            var size = Math.ceilDiv(bytes, PAGE) * PAGE + PAGE;
            var start = mapped(size);
            var aligned = Math.ceilDiv(start.address(), PAGE) * PAGE;
            var segment = MemorySegment.ofAddress(aligned).reinterpret(bytes, arena, _ -> release(start, size));
            try {
                // Refused where large pages are switched off: small ones do too.
                var _ = (int) madvise.invokeExact(segment, size - PAGE, MADV_HUGEPAGE);
            } catch (Throwable impossible) {
                throw new IllegalStateException(impossible);
            }
            return segment;
        }

        private MemorySegment mapped(long size) {
            try {
                var start = (MemorySegment)
                        mmap.invokeExact(MemorySegment.NULL, size, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0L);
                if (start.address() == -1) {
                    throw new OutOfMemoryError("The system has no " + size + " bytes left for weights; take a smaller"
                            + " model or storage type");
                }
                return start;
            } catch (OutOfMemoryError full) {
                throw full;
            } catch (Throwable impossible) {
                throw new IllegalStateException(impossible);
            }
        }

        private void release(MemorySegment start, long size) {
            try {
                var _ = (int) munmap.invokeExact(start, size);
            } catch (Throwable impossible) {
                throw new IllegalStateException(impossible);
            }
        }
    }
}
