package dev.lowrank.compress.quantize;

import java.math.BigDecimal;

/// Single entries that every target keeps in plain numbers beside its form.
///
/// @param share of the entries of a weight
public record Outliers(double share) {
    /// Places and values of a quarter of all entries take half of what the matrix takes in 16 bits.
    private static final double MOST = 0.25;

    public Outliers {
        if (!(share > 0 && share <= MOST)) {
            throw new IllegalArgumentException(
                    "--outliers is a share of a weight's entries, above 0 and at most " + MOST + ", not " + share);
        }
    }

    /// How many entries a weight keeps, at least one.
    public int count(int out, int in) {
        var entries = BigDecimal.valueOf(share).multiply(BigDecimal.valueOf((long) out * in));
        return Math.max(1, Math.toIntExact(entries.longValue()));
    }
}
