package dev.lowrank.explore;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// What is known of a configuration.
///
/// @param size what it takes, by arithmetic
/// @param quality by name, such as `perplexity`; empty where none was measured
/// @param estimatedLatency seconds a decoded token by [LatencyLine]; null where nobody asked
/// @param speed measured; null where it was not
public record Measures(
        Size size,
        SortedMap<String, Double> quality,
        @Nullable Double estimatedLatency,
        @Nullable Speed speed) {
    /// Bytes of all weights.
    public static final String BYTES = "bytes";

    /// Numbers of the whole model.
    public static final String PARAMETERS = "parameters";

    /// Bytes of weights that a decoded token reads.
    public static final String DECODE_BYTES = "decode-bytes";

    /// Bytes that a process which decodes must hold: weights, and keys and values.
    public static final String MEMORY = "memory";

    /// Seconds a decoded token.
    public static final String LATENCY = "latency";

    /// Joules a token.
    public static final String ENERGY = "energy";

    private static final List<String> SIZES = List.of(BYTES, PARAMETERS, DECODE_BYTES, MEMORY);

    public Measures {
        quality = Collections.unmodifiableSortedMap(new TreeMap<>(quality));
    }

    /// What a configuration takes.
    ///
    /// @param bytes of all weights
    /// @param parameters numbers of the whole model
    /// @param decodeBytes of weights that one decoded token reads
    /// @param memoryBytes weights, and keys and values of one sequence
    public record Size(long bytes, long parameters, long decodeBytes, long memoryBytes) {}

    /// What was measured of one sequence, decoded by the engine that serves.
    ///
    /// @param latency seconds a decoded token
    /// @param decode tokens a second
    /// @param prefill prompt tokens a second
    /// @param joules of the whole machine for each token of prompt and answer; null where no counter can be
    ///     read
    public record Speed(
            double latency,
            double decode,
            double prefill,
            @Nullable Double joules) {}

    /// Nothing but what it takes.
    public static Measures of(Size size) {
        return new Measures(size, new TreeMap<>(), null, null);
    }

    /// With qualities.
    public Measures withQuality(Map<String, Double> measured) {
        return new Measures(size, new TreeMap<>(measured), estimatedLatency, speed);
    }

    /// With an estimated latency.
    public Measures withEstimatedLatency(double seconds) {
        return new Measures(size, quality, seconds, speed);
    }

    /// With a measured speed.
    public Measures withSpeed(Speed measured) {
        return new Measures(size, quality, estimatedLatency, measured);
    }

    /// Whether a measure follows from the ranks without running anything.
    public static boolean isSize(String name) {
        return SIZES.contains(name);
    }

    /// The value of a measure; latency as measured where it was.
    ///
    /// @return null where it is not known
    public @Nullable Double value(String name) {
        return switch (name) {
            case BYTES -> (double) size.bytes();
            case PARAMETERS -> (double) size.parameters();
            case DECODE_BYTES -> (double) size.decodeBytes();
            case MEMORY -> (double) size.memoryBytes();
            case LATENCY -> speed == null ? estimatedLatency : Double.valueOf(speed.latency());
            case ENERGY -> speed == null ? null : speed.joules();
            default -> quality.get(name);
        };
    }

    /// The value of a measure that must be known.
    ///
    /// @throws IllegalArgumentException naming the measures that are known
    public double require(String name) {
        var value = value(name);
        if (value == null) {
            throw new IllegalArgumentException("The measure " + name + " is not known here; known are "
                    + String.join(", ", SIZES) + (quality.isEmpty() ? "" : ", " + String.join(", ", quality.keySet())));
        }
        return value;
    }
}
