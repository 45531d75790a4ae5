package dev.lowrank.model.kernel;

/// Which kernels this JVM runs, decided once. The vector classes are touched only where their module is
/// there.
final class Choice {
    static final Kernels BEST = choose();

    private Choice() {}

    private static Kernels choose() {
        var present = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
        return present && VectorKernels.supported() ? new VectorKernels() : Kernels.scalar();
    }
}
