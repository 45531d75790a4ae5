/// What an encoder's vectors and heads are worth: sentence embeddings and their agreement with people,
/// labels of texts and pairs, hidden tokens.
///
/// Reading order: [SentenceEmbedder], [StsBenchmark]; [LabelTask], [LinearProbe], [LabelScores];
/// [MaskedTokens].
@NullMarked
package dev.lowrank.evaluate.encoder;

import org.jspecify.annotations.NullMarked;
