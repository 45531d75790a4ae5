package dev.lowrank.evaluate.likelihood;

/// How likely a continuation is.
///
/// @param value natural logarithm of its probability, the sum over its tokens
/// @param greedy whether each of its tokens is the likeliest one
public record LogLikelihood(double value, boolean greedy) {}
