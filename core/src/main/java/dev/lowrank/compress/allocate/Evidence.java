package dev.lowrank.compress.allocate;

import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.NumericalException;
import org.jspecify.annotations.Nullable;

/// What was measured of one target site. Arrays belong to the record: whoever hands them over does not
/// change them afterwards, and readers do not either. `k` is the number of components of its
/// decomposition.
///
/// @param site which
/// @param dtype element type it will be written in
/// @param singular `[k]`, singular values in the method's metric, in a metric of activations those of their
///     mean over tokens; descending; empty if not measured
/// @param divergence `[k + 1]`, estimated KL divergence at the logits, in nats per token, if the leading
///     `r` components are kept, for `r` from 0 to `k`; empty if not measured. Noise is allowed: a value may
///     be slightly negative or larger than that of a smaller rank
/// @param firstOrder `[k]`, first-order change of the loss, in nats per token, if component `i` is dropped;
///     signed; empty if not measured
/// @param blockInfluence `1 - mean cos(x_in, x_out)` of the site's layer; NaN if not measured
/// @param rounding what block types lose there; null if not measured
public record Evidence(
        LinearSite site,
        DType dtype,
        double[] singular,
        double[] divergence,
        double[] firstOrder,
        double blockInfluence,
        @Nullable RoundingLoss rounding) {
    private static final double[] NONE = {};

    /// A site of which rounding was not measured.
    public Evidence(
            LinearSite site,
            DType dtype,
            double[] singular,
            double[] divergence,
            double[] firstOrder,
            double blockInfluence) {
        this(site, dtype, singular, divergence, firstOrder, blockInfluence, null);
    }

    /// Checks lengths, order and finiteness.
    ///
    /// @throws NumericalException naming the site, if a number is not finite
    public Evidence {
        finite(site, "singular value", singular);
        finite(site, "divergence", divergence);
        finite(site, "first-order loss change", firstOrder);
        if (Double.isInfinite(blockInfluence)) {
            throw notFinite(site, "block influence", 0, blockInfluence);
        }
        descending(site, singular);
        var most = Math.min(site.in(), site.out());
        var components = Math.max(singular.length, Math.max(firstOrder.length, divergence.length - 1));
        lengthIs(site, "singular values", singular.length, components);
        lengthIs(site, "first-order loss changes", firstOrder.length, components);
        lengthIs(site, "divergences", divergence.length, components + 1);
        if (components > most) {
            throw new IllegalArgumentException(site.name() + " [" + site.out() + ", " + site.in() + "] has at most "
                    + most + " components, but evidence speaks of " + components);
        }
    }

    /// A site of which nothing is measured yet.
    public static Evidence of(LinearSite site, DType dtype) {
        return new Evidence(site, dtype, NONE, NONE, NONE, Double.NaN);
    }

    /// With singular values `[k]`.
    public Evidence withSingular(double[] values) {
        return new Evidence(site, dtype, values, divergence, firstOrder, blockInfluence, rounding);
    }

    /// With a divergence curve `[k + 1]`.
    public Evidence withDivergence(double[] curve) {
        return new Evidence(site, dtype, singular, curve, firstOrder, blockInfluence, rounding);
    }

    /// With a divergence curve through one measured point, in the shape of the dropped energy: `d(r) = nats
    /// · Σ_{i>r} σ_i² / Σ_{i>rank} σ_i²`.
    ///
    /// @param rank where the divergence was measured, below the number of components
    /// @param nats what was measured there
    /// @throws IllegalArgumentException if there are no singular values, or none is dropped at that rank
    public Evidence withDivergenceAt(int rank, double nats) {
        var curve = Curves.tailEnergy(singular);
        if (rank < 0 || rank >= singular.length || curve[rank] == 0) {
            throw new IllegalArgumentException("A divergence of " + site.name() + " at rank " + rank
                    + " says nothing of other ranks: of its " + singular.length
                    + " singular values none that counts is dropped there");
        }
        var scale = nats / curve[rank];
        for (var r = 0; r < curve.length; r++) {
            curve[r] *= scale;
        }
        return withDivergence(curve);
    }

    /// With first-order loss changes `[k]`.
    public Evidence withFirstOrder(double[] changes) {
        return new Evidence(site, dtype, singular, divergence, changes, blockInfluence, rounding);
    }

    /// With the influence of its layer.
    public Evidence withBlockInfluence(double influence) {
        return new Evidence(site, dtype, singular, divergence, firstOrder, influence, rounding);
    }

    /// With what block types lose.
    public Evidence withRounding(RoundingLoss losses) {
        return new Evidence(site, dtype, singular, divergence, firstOrder, blockInfluence, losses);
    }

    /// Components of the decomposition; the smaller side of the matrix where nothing was measured.
    public int components() {
        var measured = Math.max(singular.length, Math.max(firstOrder.length, divergence.length - 1));
        return measured > 0 ? measured : Math.min(site.in(), site.out());
    }

    /// Whether this kind was measured; [Sensitivity#TRIAL_LOSS] is not a site's and so never.
    public boolean has(Sensitivity kind) {
        return switch (kind) {
            case SPECTRUM -> singular.length > 0;
            case DIVERGENCE -> divergence.length > 0;
            case FIRST_ORDER -> firstOrder.length > 0;
            case BLOCK_INFLUENCE -> !Double.isNaN(blockInfluence);
            case TRIAL_LOSS -> false;
        };
    }

    private static void finite(LinearSite site, String what, double[] values) {
        for (var i = 0; i < values.length; i++) {
            if (!Double.isFinite(values[i])) {
                throw notFinite(site, what, i, values[i]);
            }
        }
    }

    private static NumericalException notFinite(LinearSite site, String what, int index, double value) {
        return new NumericalException(
                NumericalException.Kind.NON_FINITE,
                site.name(),
                "its " + what + " " + index + " is " + value + ", so no rank can be chosen for it; check the "
                        + "calibration text, or leave the role out of the targets");
    }

    private static void descending(LinearSite site, double[] singular) {
        for (var i = 0; i < singular.length; i++) {
            if (singular[i] < 0 || i > 0 && singular[i] > singular[i - 1]) {
                throw new IllegalArgumentException("Singular values of " + site.name()
                        + " must be descending and not negative, but number " + i + " is " + singular[i]
                        + (i > 0 ? " after " + singular[i - 1] : ""));
            }
        }
    }

    private static void lengthIs(LinearSite site, String what, int found, int expected) {
        if (found != 0 && found != expected) {
            throw new IllegalArgumentException("Evidence of " + site.name() + " has " + found + " " + what
                    + " where its other measurements ask for " + expected);
        }
    }
}
