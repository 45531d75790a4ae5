package dev.lowrank.testing;

import dev.lowrank.tensor.NativeMemory;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;

/// Compares the live counts around each test; runs outside the class's own set-up and tear-down methods.
public final class NoNativeLeaksExtension implements BeforeEachCallback, AfterEachCallback {
    private static final Namespace NAMESPACE = Namespace.create(NoNativeLeaksExtension.class);

    private record Counts(long tensors, long bytes, long pointers) {
        static Counts now() {
            return new Counts(NativeMemory.liveTensors(), NativeMemory.liveBytes(), NativeMemory.livePointers());
        }
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        LibTorch.warmUp(); // static natives made on first use are no leak
        context.getStore(NAMESPACE).put("before", Counts.now());
    }

    @Override
    public void afterEach(ExtensionContext context) {
        var before = context.getStore(NAMESPACE).get("before", Counts.class);
        var after = Counts.now();
        // Fewer pointers than before is the collector tidying up after an earlier class, no leak of this one
        if (after.tensors() != before.tensors()
                || after.bytes() != before.bytes()
                || after.pointers() > before.pointers()) {
            throw new AssertionError("Native leak in " + context.getDisplayName() + ": tensors " + before.tensors()
                    + " -> " + after.tensors() + ", bytes " + before.bytes() + " -> " + after.bytes()
                    + ", native objects " + before.pointers() + " -> " + after.pointers()
                    + "; every scope and store a test opens must be closed");
        }
    }
}
