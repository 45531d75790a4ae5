package dev.lowrank.app;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;

/// Gives the process its standard error back.
///
/// The kernels need the incubator module `jdk.incubator.vector`, and Java announces incubator modules on
/// standard error before `main` runs; no option turns that off. The launcher therefore starts such commands
/// with standard error kept aside in another descriptor (`lowrank.stderr`), and the first thing done is to
/// put it back, for native code too.
final class StandardError {
    private static final int STANDARD_ERROR = 2;

    private StandardError() {}

    /// Makes the kept descriptor standard error again; does nothing when the launcher kept none.
    @SuppressWarnings("restricted") // one call, of a function that every POSIX system has
    static void restore() {
        var kept = Integer.getInteger("lowrank.stderr");
        if (kept == null) {
            return;
        }
        var linker = Linker.nativeLinker();
        var dup2 = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("dup2"),
                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
        try {
            if ((int) dup2.invokeExact((int) kept, STANDARD_ERROR) < 0) {
                throw new IllegalStateException("Standard error cannot be restored from descriptor " + kept + ".");
            }
        } catch (RuntimeException | Error thrown) {
            throw thrown;
        } catch (Throwable thrown) {
            throw new IllegalStateException(thrown);
        }
    }
}
