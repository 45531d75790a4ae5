package dev.lowrank.compress.allocate;

/// The knobs that a command line has for allocators; each allocator reads its own.
///
/// @param rank rank of the explicit rule
/// @param energyShare share of the squared singular values that the energy rule keeps; NaN for the share
///     that meets the budget
/// @param step ranks between two options of the knapsack's first pass; the remainder of the budget is spent
///     in steps of the problem's rank multiple
/// @param rounds the knapsack's correction rounds by trial losses; 0 for none
/// @param trials candidates that Bolaco measures
/// @param searchBy where ASVD's search reads sensitivities: [Sensitivity#TRIAL_LOSS] as published, or
///     [Sensitivity#DIVERGENCE]
/// @param floor smallest share of its dense cost that knapsack and ZS-SVD leave a site
/// @param alpha Swift's balance between effective rank (1) and loss (0); NaN to choose it by trials
public record AllocatorOptions(
        int rank,
        double energyShare,
        int step,
        int rounds,
        int trials,
        Sensitivity searchBy,
        double floor,
        double alpha) {
    /// Published defaults, and the knapsack's own.
    public static final AllocatorOptions DEFAULT =
            new AllocatorOptions(64, Double.NaN, 8, 0, 50, Sensitivity.TRIAL_LOSS, 0, Double.NaN);

    /// With a rank for the explicit rule.
    public AllocatorOptions withRank(int value) {
        return new AllocatorOptions(value, energyShare, step, rounds, trials, searchBy, floor, alpha);
    }

    /// With a share for the energy rule.
    public AllocatorOptions withEnergyShare(double value) {
        return new AllocatorOptions(rank, value, step, rounds, trials, searchBy, floor, alpha);
    }

    /// With a step of the knapsack's first pass.
    public AllocatorOptions withStep(int value) {
        return new AllocatorOptions(rank, energyShare, value, rounds, trials, searchBy, floor, alpha);
    }

    /// With correction rounds of the knapsack.
    public AllocatorOptions withRounds(int value) {
        return new AllocatorOptions(rank, energyShare, step, value, trials, searchBy, floor, alpha);
    }

    /// With a number of trials for Bolaco.
    public AllocatorOptions withTrials(int value) {
        return new AllocatorOptions(rank, energyShare, step, rounds, value, searchBy, floor, alpha);
    }

    /// With another source of sensitivities for ASVD's search.
    public AllocatorOptions withSearchBy(Sensitivity value) {
        return new AllocatorOptions(rank, energyShare, step, rounds, trials, value, floor, alpha);
    }

    /// With a floor for knapsack and ZS-SVD.
    public AllocatorOptions withFloor(double value) {
        return new AllocatorOptions(rank, energyShare, step, rounds, trials, searchBy, value, alpha);
    }

    /// With a balance for Swift.
    public AllocatorOptions withAlpha(double value) {
        return new AllocatorOptions(rank, energyShare, step, rounds, trials, searchBy, floor, value);
    }
}
