package dev.lowrank.app.bench;

import dev.lowrank.evaluate.SpeedMeter;
import java.util.List;

/// What was measured of a model.
///
/// @param model as the user named it
/// @param type in which its matrices are stored
/// @param parameters numbers stored
/// @param fileBytes bytes of its weight files
/// @param weightBytes of weights that a decoded token reads
/// @param cacheBytes of keys and values that a token at the mean position reads
/// @param residentBytes of the process while it decoded
/// @param speed of one sequence
/// @param batches tokens a second of several sequences together, in the order asked for
/// @param peers the best of each, in the order asked for
/// @param notes what a reader should know of its figures
public record ModelSpeed(
        String model,
        String type,
        long parameters,
        long fileBytes,
        long weightBytes,
        long cacheBytes,
        long residentBytes,
        SpeedMeter.Speed speed,
        List<Batch> batches,
        List<PeerSpeed> peers,
        List<String> notes) {
    public ModelSpeed {
        batches = List.copyOf(batches);
        peers = List.copyOf(peers);
        notes = List.copyOf(notes);
    }

    /// Sequences that were decoded side by side.
    ///
    /// @param rows how many
    /// @param tokensPerSecond of all of them together
    public record Batch(int rows, double tokensPerSecond) {}

    /// Bytes that a decoded token reads.
    public long tokenBytes() {
        return weightBytes + cacheBytes;
    }
}
