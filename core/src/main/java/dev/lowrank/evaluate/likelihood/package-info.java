/// How likely a model finds texts: `LogLikelihoodRequest` says what is asked, `LogLikelihoods` answers, by
/// `RequestEncoding` (text to tokens) and `Packs` (tokens to forward passes that share beginnings).
@NullMarked
package dev.lowrank.evaluate.likelihood;

import org.jspecify.annotations.NullMarked;
