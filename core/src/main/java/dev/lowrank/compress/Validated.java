package dev.lowrank.compress;

import java.util.List;

/// What the written model was measured to lose on the validation text that bounded its cut.
///
/// @param before perplexity of the source
/// @param after perplexity of what is written
/// @param increase relative
/// @param allowed the bound, relative
/// @param rounds models that were cut and measured, in order; the last one that was taken is the output
public record Validated(double before, double after, double increase, double allowed, List<Round> rounds) {
    public Validated {
        rounds = List.copyOf(rounds);
    }

    /// A model that was cut on the way.
    ///
    /// @param kept share of the targets' cost
    /// @param tried relative increase that the trial of its ranks measured
    /// @param written relative increase of the model as written
    public record Round(double kept, double tried, double written) {}
}
