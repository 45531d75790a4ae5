/// Model folders that Lowrank and Python `transformers` both open: shards, configuration, remote code,
/// tokenizer files.
///
/// Reading order: [OutputTensor], [Shards], [RemoteCode], [ModelFolder], [MergedExport].
@NullMarked
package dev.lowrank.model.output;

import org.jspecify.annotations.NullMarked;
