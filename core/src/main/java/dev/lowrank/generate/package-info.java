/// Text from a decoder for many requests at once: one engine thread a model, requests that join and leave
/// at any token.
///
/// Reading order: [GenerationRequest] (what is asked), [GenerationEvent] (what comes back), [Engine] (the
/// thread, its queue and its limits), [BatchModel] (what it computes with; [LoadedModel] is a checkpoint),
/// `Scheduler` (one turn: who joins, who reads, who gets a token), `PrefixStore` (what is kept for the next
/// request of the same owner), [TokenConstraint] (what the next token may be).
@NullMarked
package dev.lowrank.generate;

import org.jspecify.annotations.NullMarked;
