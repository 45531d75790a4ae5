/// Texts of a given form from any model: a JSON schema, or a regular expression, says after each token
/// which tokens may come next.
///
/// Reading order: [Grammar] is what a caller compiles and starts; [SchemaReader] turns a schema into
/// [Shape]s, with [RegexParser], [NumberRanges] and [StringAutomata] making an [Automaton] of what has no
/// parts; [Frame]s on a [Stack] say where in a value a text stands; [TokenTree] is the vocabulary as a tree
/// of bytes, and [TokenMasks] walks it.
@NullMarked
package dev.lowrank.generate.schema;

import org.jspecify.annotations.NullMarked;
