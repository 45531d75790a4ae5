package dev.lowrank.explore;

/// An estimate of the time of a decoded token: a straight line over the bytes that it reads, through two
/// models that were measured. What a form costs besides its bytes is not in it.
///
/// @param fixed seconds
/// @param perByte seconds, at least 0
public record LatencyLine(double fixed, double perByte) {
    /// Through two measured models; flat where the smaller one was not faster.
    ///
    /// @param dense the larger one, with its speed
    /// @param small the smaller one, with its speed
    public static LatencyLine through(Measures dense, Measures small) {
        var more = dense.size().decodeBytes() - small.size().decodeBytes();
        var perByte = more <= 0 ? 0 : Math.max(0, (latency(dense) - latency(small)) / more);
        return new LatencyLine(latency(dense) - perByte * dense.size().decodeBytes(), perByte);
    }

    private static double latency(Measures measured) {
        return measured.require(Measures.LATENCY);
    }

    /// Seconds.
    public double at(long decodeBytes) {
        return fixed + perByte * decodeBytes;
    }
}
