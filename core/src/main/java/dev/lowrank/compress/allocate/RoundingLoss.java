package dev.lowrank.compress.allocate;

import dev.lowrank.tensor.DType;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;

/// What rounding a site to blocks loses beside its cut, in the unit of [Evidence#divergence]: nats per
/// token.
///
/// Model: the errors of a cut and of rounding have nothing to do with each other, so that their divergences
/// add up. Rounding was measured at the whole matrix and at some ranks; between two of these the loss is
/// on a straight line, beyond them it is that of the nearest.
///
/// @param types what is known of each block type
public record RoundingLoss(Map<DType, Curve> types) {
    public RoundingLoss {
        types = Map.copyOf(types);
    }

    /// Losses of one type.
    ///
    /// @param dense of the whole matrix
    /// @param ranks where a cut matrix was measured, ascending; may be empty. Read only
    /// @param cut losses there. Read only
    public record Curve(double dense, int[] ranks, double[] cut) {
        public Curve {
            if (ranks.length != cut.length
                    || !(dense >= 0)
                    || Arrays.stream(cut).anyMatch(loss -> !(loss >= 0))) {
                throw new IllegalArgumentException("Rounding loses an amount of at least 0 at every rank, but was"
                        + " given " + dense + " and " + Arrays.toString(cut) + " at " + Arrays.toString(ranks));
            }
        }

        private double at(int rank) {
            var above = 0;
            while (above < ranks.length && ranks[above] < rank) {
                above++;
            }
            if (ranks.length == 0) {
                return dense;
            }
            if (above == 0 || above == ranks.length) {
                return cut[above == 0 ? 0 : above - 1];
            }
            var share = (rank - ranks[above - 1]) / (double) (ranks[above] - ranks[above - 1]);
            return (1 - share) * cut[above - 1] + share * cut[above];
        }

        private Curve times(double factor) {
            return new Curve(
                    dense * factor,
                    ranks,
                    Arrays.stream(cut).map(loss -> loss * factor).toArray());
        }
    }

    /// The same in another unit.
    ///
    /// @param factor of all losses
    public RoundingLoss times(double factor) {
        var scaled = new EnumMap<DType, Curve>(DType.class);
        types.forEach((type, curve) -> scaled.put(type, curve.times(factor)));
        return new RoundingLoss(scaled);
    }

    /// What a choice loses by its type; nothing where it names none.
    ///
    /// @throws IllegalArgumentException if its type was not measured
    public double of(Choice choice) {
        if (choice.type() == null) {
            return 0;
        }
        var curve = types.get(choice.type());
        if (curve == null) {
            throw new IllegalArgumentException("What rounding to " + choice.type() + " loses was not measured");
        }
        return choice.isDense() ? curve.dense : curve.at(choice.rank());
    }
}
