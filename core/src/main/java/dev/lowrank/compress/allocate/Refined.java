package dev.lowrank.compress.allocate;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.stream.Stream;

/// Another allocator's plan, taken further by [FermiGrad] from where it stands: the estimated divergence is
/// never above that of the plan it starts from.
///
/// Source: FermiGrad's use as a refinement, arXiv:2512.03062 (abstract).
///
/// @param first makes the plan; it spends the budget
/// @param descent takes it further
record Refined(Allocator first, FermiGrad descent) implements Allocator {
    /// What stands behind an allocator's name to ask for it.
    static final String SUFFIX = "+fermi";

    Refined {
        if (!first.spends() || first instanceof FermiGrad) {
            throw new IllegalArgumentException(
                    first.info().id() + SUFFIX + " is no allocator: what is refined spends a budget by another rule");
        }
    }

    @Override
    public AllocatorInfo info() {
        var of = first.info();
        var needs = EnumSet.copyOf(descent.info().needs());
        needs.addAll(of.needs());
        return new AllocatorInfo(
                of.id() + SUFFIX,
                of.title() + ", refined",
                of.paper() + ", " + descent.info().paper(),
                needs);
    }

    @Override
    public List<String> options() {
        var options = new ArrayList<>(first.options());
        options.set(1, info().id()); // behind --allocate
        return options;
    }

    @Override
    public Allocation allocate(AllocationProblem problem) {
        problem.require(info().id(), info().needs());
        var plan = first.allocate(problem);
        var refined = descent.refine(problem, plan);
        return refined.withMarks(plan.marks())
                .withNotes(Stream.concat(plan.notes().stream(), refined.notes().stream())
                        .toList());
    }
}
