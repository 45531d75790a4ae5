package dev.lowrank.compress.allocate;

import dev.lowrank.compress.storage.StorageForm;

/// How ranks are chosen, site by site.
public sealed interface RankRule {
    /// The same share of every target's parameters.
    ///
    /// @param keep that share
    record Uniform(KeepRatio keep) implements RankRule {}

    /// The same rank everywhere, capped where a matrix is smaller.
    ///
    /// @param rank at least 1
    record Explicit(int rank) implements RankRule {
        public Explicit {
            if (rank < 1) {
                throw new IllegalArgumentException("--rank must be at least 1, but was " + rank);
            }
        }
    }

    /// The smallest rank that keeps this share of the squared singular values in the method's metric.
    ///
    /// @param share in (0, 1]
    record Energy(double share) implements RankRule {
        public Energy {
            if (!(share > 0 && share <= 1)) {
                throw new IllegalArgumentException("--energy is a share in (0, 1], but was " + share);
            }
        }
    }

    /// Whether ranks are known before anything is measured.
    default boolean knownAhead() {
        return !(this instanceof Energy);
    }

    /// The rank for a site.
    ///
    /// @param out outputs
    /// @param in inputs
    /// @param form how it will be stored
    /// @param singular singular values in the method's metric, descending; read by [Energy] only
    /// @return between 0 (nothing fits) and `min(out, in)`
    default int rank(int out, int in, StorageForm form, double[] singular) {
        return switch (this) {
            case Uniform(var keep) -> form.rankWithin(out, in, keep.kept() * out * in);
            case Explicit(var rank) -> Math.min(rank, Math.min(out, in));
            case Energy(var share) -> energyRank(singular, share);
        };
    }

    private static int energyRank(double[] singular, double share) {
        var total = 0.0;
        for (var value : singular) {
            total += value * value;
        }
        var kept = 0.0;
        for (var i = 0; i < singular.length; i++) {
            kept += singular[i] * singular[i];
            if (kept >= share * total) {
                return i + 1;
            }
        }
        return singular.length;
    }
}
