package dev.lowrank.compress.statistics;

import dev.lowrank.tensor.Tensor;

/// The sum of outer products that whitens a site, F64, measured on its cheaper side.
///
/// What a projection needs is `C = W G Wᵀ [out, out]`, the second moment of the outputs `W x`. Sites that
/// share an input share `G`; a site with fewer outputs than inputs (o, down) is cheaper to measure at its
/// outputs directly, which gives the same `C` (compression.md, section 1).
public sealed interface SecondMoment {
    /// The matrix itself.
    Tensor sum();

    /// `G = Σ x xᵀ` over the site's inputs.
    ///
    /// @param sum `[in, in]`
    record Input(Tensor sum) implements SecondMoment {}

    /// `C = Σ (W x)(W x)ᵀ` over the site's outputs, without bias.
    ///
    /// @param sum `[out, out]`
    record Output(Tensor sum) implements SecondMoment {}
}
