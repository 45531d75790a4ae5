/// The published methods, one file each, on one projection.
///
/// Almost every one-shot method minimises `tr[(W − W_r)ᵀ R (W − W_r) G]` for a row metric `R [out, out]`
/// and a column metric `G [in, in]`; a method says which, [Projection] does the rest.
///
/// Methods of more than one linear narrow modules, share a basis between blocks, remove blocks, or narrow
/// the residual stream.
///
/// Reading order: [Method] (its five kinds), [Methods] (the list); for single linears [SiteMethod],
/// [InputMetric], [Projection], [Decomposition], then [Svd], [Asvd], [SvdLlm], [KfacSvd], [Lord], [Tucker];
/// then [ModuleMethod] with [MoDeGpt], its parts [Nystrom], [RotaryPairs] and [ValueOutput]; [SharedBasis]
/// with [BasisSharing]; [BlockRemoval] with [ShortGpt] and [Sleb]; [StreamRotation] with [SliceGpt] and its
/// [StreamAxes].
@NullMarked
package dev.lowrank.compress.method;

import org.jspecify.annotations.NullMarked;
