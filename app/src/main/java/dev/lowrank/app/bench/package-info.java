/// Speed of several models, and of other programs that run the same ones, in one run.
///
/// Reading order: [Workload], [BenchRun], [ModelSpeed], [BenchDocument]; [Peer], [Peers], [LlamaServer],
/// [LlamaProgram], [LlamaPython], [TransformersPeer].
@NullMarked
package dev.lowrank.app.bench;

import org.jspecify.annotations.NullMarked;
