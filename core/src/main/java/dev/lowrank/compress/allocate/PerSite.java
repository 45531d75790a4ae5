package dev.lowrank.compress.allocate;

import dev.lowrank.compress.storage.StorageForm;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.function.ToIntBiFunction;

/// Rules that look at one site at a time.
final class PerSite {
    private PerSite() {}

    /// Chooses for every site, of the forms that the policy allows, the one that carries the highest rank,
    /// then the fewest bytes; dense where no form would be smaller than the matrix.
    ///
    /// @param rank the rank that a rule wants for a site in a form; 0 for none
    /// @throws IllegalArgumentException naming a site that the rule leaves without a rank
    static Allocation allocate(AllocationProblem problem, ToIntBiFunction<Evidence, StorageForm> rank) {
        var choices = new ArrayList<Choice>();
        for (var evidence : problem.evidence()) {
            choices.add(choose(problem, evidence, rank));
        }
        return Allocation.within(problem, choices);
    }

    /// Every site as it is.
    static Allocation dense(AllocationProblem problem) {
        return Allocation.within(
                problem,
                problem.evidence().stream()
                        .map(evidence -> Choice.dense(evidence.site()))
                        .toList());
    }

    private static Choice choose(
            AllocationProblem problem, Evidence evidence, ToIntBiFunction<Evidence, StorageForm> rank) {
        var site = evidence.site();
        var dense = Choice.dense(site);
        var free = 0;
        var fits = new ArrayList<Choice>();
        for (var form : problem.storage().forms()) {
            var wanted = rank.applyAsInt(evidence, form);
            var rounded = wanted - wanted % problem.rankMultiple();
            free = Math.max(free, wanted);
            if (rounded >= problem.rankFloor()) {
                fits.add(problem.cut(site, form, rounded));
            }
        }
        if (fits.isEmpty()) {
            throw new IllegalArgumentException("The budget leaves " + site.name() + " [" + site.out() + ", " + site.in()
                    + "] a rank of " + free + ", less than " + Math.max(problem.rankFloor(), problem.rankMultiple())
                    + "; keep more, or leave the role out of --targets");
        }
        return fits.stream()
                .filter(choice -> bytes(evidence, choice) < bytes(evidence, dense))
                .max(Comparator.comparingInt(Choice::rank)
                        .thenComparing(Comparator.comparingLong((Choice choice) -> bytes(evidence, choice))
                                .reversed()))
                .orElse(dense);
    }

    static long bytes(Evidence evidence, Choice choice) {
        return CostUnit.BYTES.cost(evidence.site(), evidence.dtype(), choice);
    }
}
