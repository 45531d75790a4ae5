package dev.lowrank.recover;

/// How the end-to-end stage goes at one moment.
///
/// @param step steps taken, those of stopped runs included
/// @param steps in all; 0 where a time decides
/// @param tokensPerSecond over the last steps of this run; looks at the validation text and saving do not
///     count
/// @param crossEntropy mean over the same steps, nats a token of the text
/// @param divergence the same of the divergence from the teacher; 0 without one
/// @param seconds of training so far, everything counted, those of stopped runs included
/// @param secondsLeft until the end of the stage's time, or of its steps at the pace of the last ones
public record Pace(
        long step,
        long steps,
        double tokensPerSecond,
        double crossEntropy,
        double divergence,
        double seconds,
        double secondsLeft) {}
