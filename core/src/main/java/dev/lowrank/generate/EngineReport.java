package dev.lowrank.generate;

/// What an engine has done and is doing.
///
/// @param running sequences that run
/// @param queued requests that wait
/// @param promptTokens tokens of prompts
/// @param cachedTokens those of them that needed no reading
/// @param newTokens tokens made
/// @param steps passes over the weights for them
/// @param stepRows tokens of all passes together
/// @param completed requests that ended well
/// @param failures requests that the model failed on
/// @param failuresInRow those since the last one that ended well
/// @param reservedBytes memory set aside for running sequences
/// @param keptBytes memory of what is kept of ended ones
/// @param broken whether it ended by a failure of its own
public record EngineReport(
        int running,
        int queued,
        long promptTokens,
        long cachedTokens,
        long newTokens,
        long steps,
        long stepRows,
        long completed,
        long failures,
        int failuresInRow,
        long reservedBytes,
        long keptBytes,
        boolean broken) {}
