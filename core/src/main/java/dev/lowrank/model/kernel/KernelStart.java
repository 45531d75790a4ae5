package dev.lowrank.model.kernel;

import dev.lowrank.tensor.DType;
import java.util.EnumSet;
import java.util.Set;

/// The kernels that a decoder runs on: plain loops for the first rows of a cold process, then the fastest
/// ones, which are made to be compiled in between. Both give the same bits, so nobody sees the change.
///
/// It belongs to the thread of one decoder; [#current] may be asked by its workers too.
public final class KernelStart {
    private final Kernels fastest;
    private final Set<DType> types = EnumSet.noneOf(DType.class);
    private final Set<RowFunction> functions = EnumSet.noneOf(RowFunction.class);
    private volatile Kernels current;

    private KernelStart(Kernels fastest, Kernels first) {
        this.fastest = fastest;
        current = first;
    }

    /// Kernels that run from the beginning and stay.
    public static KernelStart with(Kernels kernels) {
        return new KernelStart(kernels, kernels);
    }

    /// Plain loops first, then the fastest kernels of this JVM.
    public static KernelStart cold() {
        var fastest = Kernels.best();
        return new KernelStart(fastest, fastest instanceof ScalarKernels ? fastest : Kernels.scalar(fastest.lanes()));
    }

    /// What will run in the end; weights are packed for it.
    public Kernels fastest() {
        return fastest;
    }

    /// What runs now.
    public Kernels current() {
        return current;
    }

    /// Floats of scratch for a matrix, whatever runs.
    public int scratch(Panels w) {
        return Math.max(fastest.scratch(w), current.scratch(w));
    }

    /// Says that there will be products with weights of a type.
    public void expect(DType type) {
        types.add(PanelForm.of(type) == PanelForm.F32 ? DType.F32 : type);
    }

    /// Says that rows will be passed through a function.
    public void expect(RowFunction function) {
        functions.add(function);
    }

    /// Has the fastest kernels compiled, those that are expected, and changes over to them. It takes
    /// a second or more in a cold process, tens of milliseconds where they are compiled already, and
    /// nothing the second time.
    ///
    /// @param cacheType of the keys and values that will be read; those of another type are read slowly at
    ///     first
    public void warm(DType cacheType) {
        if (current.equals(fastest)) {
            return;
        }
        try (var exercise = new KernelExercise(types, functions, fastest.lanes(), cacheType)) {
            exercise.repeat(fastest, current);
        }
        current = fastest;
    }
}
