/// The OpenAI-compatible server: HTTP in front, one engine a model behind.
///
/// Reading order: [ServerOptions], [ApiServer] (what listens and dispatches), `Gate` (who may), `Exchange`
/// (one request and its answer), [ModelShelf] and `ServedModel` (what is loaded), `Answer` (waits for the
/// engine and watches the client), `ChatEndpoint`, `CompletionEndpoint`, `EmbeddingEndpoint`, then
/// `Connections` (limits below HTTP). `Body` and `Fields` read requests without trust; whatever is refused
/// is an `ApiException`.
@NullMarked
package dev.lowrank.app.serve;

import org.jspecify.annotations.NullMarked;
