package dev.lowrank.app;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Ends a process whose threads still compute in native code.
///
/// Even `Runtime.halt` ends in C's `exit`, which takes down the native libraries' tables while threads that
/// no safepoint stops still use them; now and then the JVM then crashes on its way out. C's `_exit` leaves
/// at once.
final class ProcessEnd {
    private static final Linker LINKER = Linker.nativeLinker();

    private ProcessEnd() {}

    /// Ends the process at once: no hooks, no clean-up of native libraries.
    @SuppressWarnings("restricted") // one call, of a function that every C library has
    static void now(ExitCode code) {
        var exit = LINKER.defaultLookup().find("_exit");
        if (exit.isPresent()) {
            var leave = LINKER.downcallHandle(exit.get(), FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT));
            try {
                leave.invokeExact(code.number());
            } catch (Throwable thrown) {
                throw new IllegalStateException("_exit cannot be called", thrown);
            }
        }
        Runtime.getRuntime().halt(code.number());
    }

    /// Lets the process end as it is about to, with the code that it is about to give, but without the
    /// clean-up of native libraries: `_exit` itself becomes the first thing that `exit` calls. Does nothing
    /// where the C library has no `on_exit`.
    @SuppressWarnings("restricted") // as above
    static void skipNativeCleanUp() {
        var lookup = LINKER.defaultLookup();
        var exit = lookup.find("_exit");
        var register = lookup.find("on_exit");
        if (exit.isEmpty() || register.isEmpty()) {
            return;
        }
        var onExit = LINKER.downcallHandle(
                register.get(), FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS));
        try {
            var status = (int) onExit.invokeExact(exit.get(), MemorySegment.NULL);
            if (status != 0) {
                throw new IllegalStateException("on_exit took no function: " + status);
            }
        } catch (RuntimeException | Error thrown) {
            throw thrown;
        } catch (Throwable thrown) {
            throw new IllegalStateException(thrown);
        }
    }
}
