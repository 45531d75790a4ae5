package dev.lowrank.compress.allocate;

import dev.lowrank.compress.quantize.Bits;
import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.compress.storage.StoragePolicy;
import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.NumericalException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// What an allocator has to solve.
///
/// @param evidence the target sites and what is known of them, in execution order
/// @param storage forms that may be used; dense always may
/// @param budget what the sites may cost together
/// @param rankMultiple every rank that is stored in factors is a multiple of this
/// @param rankFloor no site is cut below this rank
/// @param seed decides everything random
/// @param trial measures candidates; null where nobody can
/// @param biased whether a site that is cut stores an output bias, and so gains one where it has none
/// @param bits types that may be chosen for each site; null where all are stored alike
public record AllocationProblem(
        List<Evidence> evidence,
        StoragePolicy storage,
        Budget budget,
        int rankMultiple,
        int rankFloor,
        long seed,
        @Nullable TrialLoss trial,
        boolean biased,
        @Nullable Bits bits) {
    /// A problem of ranks alone.
    public AllocationProblem(
            List<Evidence> evidence,
            StoragePolicy storage,
            Budget budget,
            int rankMultiple,
            int rankFloor,
            long seed,
            @Nullable TrialLoss trial,
            boolean biased) {
        this(evidence, storage, budget, rankMultiple, rankFloor, seed, trial, biased, null);
    }

    /// A problem whose sites gain no bias.
    public AllocationProblem(
            List<Evidence> evidence,
            StoragePolicy storage,
            Budget budget,
            int rankMultiple,
            int rankFloor,
            long seed,
            @Nullable TrialLoss trial) {
        this(evidence, storage, budget, rankMultiple, rankFloor, seed, trial, false);
    }

    public AllocationProblem {
        evidence = List.copyOf(evidence);
        if (evidence.isEmpty()) {
            throw new IllegalArgumentException("There is no target site to allocate a budget to");
        }
        if (rankMultiple < 1) {
            throw new IllegalArgumentException("--rank-multiple must be at least 1, but was " + rankMultiple);
        }
        if (rankFloor < 1) {
            throw new IllegalArgumentException("The lowest rank must be at least 1, but was " + rankFloor);
        }
        var seen = new HashSet<String>();
        for (var one : evidence) {
            if (!seen.add(one.site().name())) {
                throw new IllegalArgumentException(
                        "There are two pieces of evidence for " + one.site().name());
            }
        }
    }

    /// A rank of a site in a form that is not dense, with the bias that it gains.
    Choice cut(LinearSite site, StorageForm form, int rank) {
        return new Choice(form, rank, biased && !site.bias());
    }

    /// What all sites cost dense, in the budget's unit.
    public long denseCost() {
        var total = 0L;
        for (var one : evidence) {
            total += budget.unit().cost(one.site(), one.dtype(), Choice.dense(one.site()));
        }
        return total;
    }

    /// The amount that must not be exceeded, in the budget's unit.
    public long limit() {
        return budget.limit(denseCost());
    }

    /// With other evidence, for example re-measured around a plan.
    public AllocationProblem withEvidence(List<Evidence> other) {
        return new AllocationProblem(other, storage, budget, rankMultiple, rankFloor, seed, trial, biased, bits);
    }

    /// With another budget.
    public AllocationProblem withBudget(Budget other) {
        return new AllocationProblem(evidence, storage, other, rankMultiple, rankFloor, seed, trial, biased, bits);
    }

    /// With types to choose from.
    public AllocationProblem withBits(@Nullable Bits other) {
        return new AllocationProblem(evidence, storage, budget, rankMultiple, rankFloor, seed, trial, biased, other);
    }

    /// Makes sure that everything was measured which an allocator needs.
    ///
    /// @throws IllegalArgumentException naming the first site or the trial that is missing
    void require(String allocator, Set<Sensitivity> needs) {
        if (needs.contains(Sensitivity.TRIAL_LOSS) && trial == null) {
            throw new IllegalArgumentException("The allocator " + allocator
                    + " measures whole candidates on validation text; give it some, or choose another allocator");
        }
        for (var need : needs) {
            for (var one : evidence) {
                if (need != Sensitivity.TRIAL_LOSS && !one.has(need)) {
                    throw new IllegalArgumentException("The allocator " + allocator + " needs " + need + " of "
                            + one.site().name() + ", which was not measured");
                }
            }
        }
        for (var one : evidence) {
            if (bits != null && one.rounding() == null) {
                throw new IllegalArgumentException("Choosing a type for "
                        + one.site().name() + " needs what rounding loses there, which was not measured");
            }
        }
    }

    /// Measures a candidate.
    ///
    /// @throws NumericalException if its loss is not finite: a broken candidate must not pass for a bad one
    double trialLoss(Allocation candidate) {
        if (trial == null) {
            throw new IllegalStateException("no trial; call require first");
        }
        var loss = trial.of(candidate);
        if (!Double.isFinite(loss)) {
            throw new NumericalException(
                    NumericalException.Kind.NON_FINITE,
                    "trial",
                    "the validation loss of a candidate of cost " + candidate.cost() + " is " + loss
                            + "; check the validation text and the decompositions");
        }
        return loss;
    }
}
