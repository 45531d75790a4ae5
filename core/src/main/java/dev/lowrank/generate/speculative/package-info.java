/// Speculative decoding: a fast draft proposes tokens, the model that decides reads several at once, and
/// what comes out has exactly the distribution it would have without the draft.
///
/// Reading order: [SpeculativeSource] is the algorithm; [Draft] proposes and [Verifier] decides; [Pace]
/// says from measured costs how many tokens to propose, and when to stop; [SpeculationReport] tells about
/// it.
@NullMarked
package dev.lowrank.generate.speculative;

import org.jspecify.annotations.NullMarked;
