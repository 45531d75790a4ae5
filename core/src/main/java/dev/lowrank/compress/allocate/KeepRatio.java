package dev.lowrank.compress.allocate;

/// Parameters kept ÷ original parameters over the target linears, in (0, 1]. Papers disagree on what
/// "ratio" means, so this is never a bare number.
///
/// @param kept the kept share
public record KeepRatio(double kept) {
    public KeepRatio {
        if (!(kept > 0 && kept <= 1)) {
            throw new IllegalArgumentException(
                    "--keep is the share of the target linears' parameters that stays, in (0, 1], but was " + kept);
        }
    }

    /// From the kept share.
    public static KeepRatio keep(double share) {
        return new KeepRatio(share);
    }
}
