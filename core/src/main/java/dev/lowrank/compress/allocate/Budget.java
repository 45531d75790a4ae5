package dev.lowrank.compress.allocate;

import java.math.BigDecimal;
import java.math.RoundingMode;

/// What the target linears may cost together.
public sealed interface Budget {
    /// What is counted.
    CostUnit unit();

    /// A share of what the target linears cost dense.
    ///
    /// @param keep that share
    record Share(CostUnit unit, KeepRatio keep) implements Budget {
        /// In decimals: 0.7 of 10 is 7, whatever binary fraction stands for 0.7.
        private long amount(long dense) {
            return BigDecimal.valueOf(keep.kept())
                    .multiply(BigDecimal.valueOf(dense))
                    .setScale(0, RoundingMode.FLOOR)
                    .longValueExact();
        }
    }

    /// An absolute amount.
    ///
    /// @param amount of the targets in the unit, at least 1
    /// @param besides what the rest of the model takes of the whole that was asked for; 0 where the targets
    ///     alone were
    record Absolute(CostUnit unit, long amount, long besides) implements Budget {
        /// An amount for the targets alone.
        public Absolute(CostUnit unit, long amount) {
            this(unit, amount, 0);
        }

        public Absolute {
            if (amount < 1) {
                throw new IllegalArgumentException(
                        "A budget is at least 1 of its unit (" + unit.id() + "), but was " + amount);
            }
        }
    }

    /// No limit, for rules that fix ranks or shares by themselves.
    record Unbounded(CostUnit unit) implements Budget {}

    /// The amount that must not be exceeded.
    ///
    /// @param dense what all target linears cost dense, in the unit
    default long limit(long dense) {
        return switch (this) {
            case Share share -> share.amount(dense);
            case Absolute absolute -> absolute.amount;
            case Unbounded _ -> Long.MAX_VALUE;
        };
    }

    /// The share of the dense cost that this budget is; at most 1.
    ///
    /// @param dense what all target linears cost dense, in the unit
    default double share(long dense) {
        return switch (this) {
            case Share share -> share.keep.kept();
            case Absolute absolute -> Math.min(1, absolute.amount / (double) dense);
            case Unbounded _ -> 1;
        };
    }
}
