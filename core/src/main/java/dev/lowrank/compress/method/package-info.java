/// The published methods, one file each, on one projection.
///
/// Almost every one-shot method minimises `tr[(W − W_r)ᵀ R (W − W_r) G]` for a row metric `R [out, out]`
/// and a column metric `G [in, in]`; a method says which, [Projection] does the rest.
///
/// Reading order: [Method], [Methods] (the list), [Projection], [Decomposition], then [Svd], [Asvd],
/// [SvdLlm], [Lord], [Tucker].
@NullMarked
package dev.lowrank.compress.method;

import org.jspecify.annotations.NullMarked;
