/// The published methods, one file each, on one projection.
///
/// Almost every one-shot method minimises `tr[(W − W_r)ᵀ R (W − W_r) G]` for a row metric `R [out, out]`
/// and a column metric `G [in, in]`; a method says which, [Projection] does the rest.
///
/// Methods of more than one linear narrow modules, share a basis between blocks, or remove blocks.
///
/// Reading order: [Method] (its four kinds), [Methods] (the list); for single linears [SiteMethod],
/// [InputMetric], [Projection], [Decomposition], then [Svd], [Asvd], [SvdLlm], [Lord], [Tucker]; then
/// [ModuleMethod] with [MoDeGpt], its parts [Nystrom], [RotaryPairs] and [ValueOutput]; [SharedBasis] with
/// [BasisSharing]; [BlockRemoval] with [ShortGpt] and [Sleb].
@NullMarked
package dev.lowrank.compress.method;

import org.jspecify.annotations.NullMarked;
