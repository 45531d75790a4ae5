/// The heart: statistics → metrics → projection → rank plan → storage form → shard, as one visible pipeline
/// that works block by block in bounded memory and can be killed at any time.
///
/// Reading order: [CompressionRecipe] (what is asked), [CompressionPlan] (what it will do, from headers
/// alone), [Compression] (does it), [SiteCompressor] (one block), [RunState] (what survives a kill),
/// [CompressionReport].
@NullMarked
package dev.lowrank.compress;

import org.jspecify.annotations.NullMarked;
