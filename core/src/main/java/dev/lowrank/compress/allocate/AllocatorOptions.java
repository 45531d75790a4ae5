package dev.lowrank.compress.allocate;

import org.jspecify.annotations.Nullable;

/// The knobs that a command line has for allocators; each allocator reads its own.
///
/// @param rank rank of the explicit rule
/// @param energyShare share of the squared singular values that the energy rule keeps; NaN for the share
///     that meets the budget
/// @param rounds the knapsack's correction rounds by trial losses; 0 for none
/// @param trials candidates that Bolaco measures
/// @param source what knapsack, ASVD's search and FermiGrad read of the sites; null for what each reads
///     unless asked otherwise
/// @param floor smallest share of its dense cost that knapsack and ZS-SVD leave a site
/// @param alpha Swift's balance between effective rank (1) and loss (0); NaN to choose it by trials
public record AllocatorOptions(
        int rank,
        double energyShare,
        int rounds,
        int trials,
        @Nullable Sensitivity source,
        double floor,
        double alpha) {
    /// Published defaults, and the knapsack's own.
    public static final AllocatorOptions DEFAULT = new AllocatorOptions(64, Double.NaN, 0, 50, null, 0, Double.NaN);

    /// With a rank for the explicit rule.
    public AllocatorOptions withRank(int value) {
        return new AllocatorOptions(value, energyShare, rounds, trials, source, floor, alpha);
    }

    /// With a share for the energy rule.
    public AllocatorOptions withEnergyShare(double value) {
        return new AllocatorOptions(rank, value, rounds, trials, source, floor, alpha);
    }

    Sensitivity sourceOr(Sensitivity usual) {
        return source == null ? usual : source;
    }
}
