package dev.lowrank.compress;

import dev.lowrank.compress.SiteCutter.Outcome;
import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.compress.quantize.OutlierFit;
import dev.lowrank.compress.quantize.Outliers;
import dev.lowrank.compress.quantize.Quantization;
import dev.lowrank.compress.quantize.RoundingMetric;
import dev.lowrank.compress.quantize.SiteRounding;
import dev.lowrank.compress.storage.SiteWriter;
import dev.lowrank.model.Linear;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.TensorScope;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// How a target is stored once it is cut: plain or in blocks, with outliers beside it or without.
///
/// @param blocks null for plain numbers
/// @param outliers null for none
/// @param plain element type of what stands in no blocks
/// @param arena owner of what is stored; shared between threads
record SiteStorage(@Nullable Quantization blocks, @Nullable Outliers outliers, DType plain, Arena arena) {
    /// How a recipe stores a target.
    ///
    /// @param choice what was chosen for it
    static SiteStorage of(CompressionRecipe recipe, Choice choice, DType plain, Arena arena) {
        return new SiteStorage(recipe.storage().blocks(choice), recipe.storage().outliers(), plain, arena);
    }

    /// Whether a target that is not cut is stored as it is; outliers of a plain matrix are none.
    boolean keepsDense() {
        return blocks == null;
    }

    /// The element type in which cuts are handed over: exact ones where they are rounded afterwards.
    DType cutType() {
        return blocks == null ? plain : DType.F64;
    }

    /// The owner of cuts.
    Arena cutArena() {
        return blocks == null ? arena : Arena.ofAuto();
    }

    /// Stores a site.
    ///
    /// @param cut cuts it, or it with another weight, in [#cutType()]; nothing for a weight as it is
    /// @param again whether it cuts other weights than the site's own
    /// @param metric of the inputs; null where they were not measured
    Outcome store(SiteCutter site, Function<SiteCutter, Outcome> cut, boolean again, @Nullable RoundingMetric metric) {
        if (outliers == null) {
            return rounded(site, cut.apply(site), metric, null);
        }
        try (var _ = TensorScope.open()) {
            var reports = new ArrayList<SiteReport>();
            var split = new OutlierFit(outliers, plain, arena)
                    .split(
                            site.weight(),
                            metric,
                            (rest, spared) -> {
                                var other = site.with(rest);
                                var stored = rounded(other, cut.apply(other), metric, spared);
                                reports.add(stored.report());
                                return new OutlierFit.Stored(
                                        base(stored), stored.report().rounding());
                            },
                            again,
                            site.site().name());
            var report =
                    reports.getFirst().rounded(split.report(), split.linear().bytes(), List.of());
            return new Outcome(split.linear(), report);
        }
    }

    private static Linear.Base base(Outcome stored) {
        if (stored.linear() instanceof Linear.Base base) {
            return base;
        }
        throw new IllegalStateException(stored.report().name() + " is kept as it is and has no outliers");
    }

    private Outcome rounded(SiteCutter site, Outcome cut, @Nullable RoundingMetric metric, @Nullable BitSet spared) {
        if (blocks == null) {
            return cut;
        }
        try (var _ = TensorScope.open()) {
            var exact = cut.linear() == null
                    ? SiteWriter.dense(
                            site.weight(),
                            site.bias(),
                            DType.F64,
                            Arena.ofAuto(),
                            site.site().name())
                    : base(cut);
            var made = new SiteRounding(blocks, plain, arena)
                    .round(exact, site.weight(), metric, spared, site.site().name());
            var notes = made.report().notes(blocks);
            return new Outcome(
                    made.linear(),
                    cut.report().rounded(made.report(), made.linear().bytes(), notes));
        }
    }
}
