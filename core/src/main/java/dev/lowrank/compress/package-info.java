/// The heart: statistics → metrics → projection → rank plan → storage form → shard, as one visible pipeline
/// that works block by block in bounded memory and can be killed at any time.
///
/// Reading order: [CompressionRecipe] (what is asked; [RecipeRules] say what goes together),
/// [CompressionPlan] (what it will do, from headers alone), [CalibrationShares] (which part sees which
/// windows), [Compression] (does it), [CompressionRun] (a pass for each kind of method: [SiteRun] measures
/// for single linears, [SideBySideCut] and [SequentialCut] cut them; [ModuleCut], [SharedCut], [DepthCut],
/// [StreamCut]; each a [BlockPass]), [Blueprint] (what model is written), [BlockWriter], [RunState] (what
/// survives a kill), [Finish], [CompressionReport].
@NullMarked
package dev.lowrank.compress;

import org.jspecify.annotations.NullMarked;
