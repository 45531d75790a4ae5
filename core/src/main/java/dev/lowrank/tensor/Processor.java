package dev.lowrank.tensor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// What the system tells of its processor; only Linux tells more than its kind.
///
/// @param name as its maker calls it, or its kind
/// @param vendor word for its maker; empty where the system does not tell
/// @param features words for what it can do; likewise
public record Processor(String name, String vendor, Set<String> features) {
    private static final Path DESCRIPTION = Path.of("/proc/cpuinfo");
    private static final Processor HERE = read();

    /// The processor of this machine.
    public static Processor here() {
        return HERE;
    }

    private static Processor read() {
        try {
            return of(Files.readString(DESCRIPTION), System.getProperty("os.arch"));
        } catch (IOException _) {
            return of("", System.getProperty("os.arch"));
        }
    }

    /// Reads a description as Linux writes it, of which the first processor counts.
    ///
    /// @param kind the name where none is told
    static Processor of(String description, String kind) {
        Map<String, String> facts = new LinkedHashMap<>();
        description.lines().filter(line -> line.indexOf(':') > 0).forEach(line -> {
            var colon = line.indexOf(':');
            facts.putIfAbsent(
                    line.substring(0, colon).strip(), line.substring(colon + 1).strip());
        });
        return new Processor(
                facts.getOrDefault("model name", kind),
                facts.getOrDefault("vendor_id", ""),
                Set.copyOf(List.of(facts.getOrDefault("flags", "").split(" "))));
    }

    /// Whether it multiplies BF16 itself, in tiles or in vectors.
    public boolean multipliesBf16() {
        return features.contains("amx_bf16") || features.contains("avx512_bf16");
    }

    /// Whether it fetches what a loop reads next far enough ahead by itself, even where every line takes a
    /// lot of work: those of AMD do (Zen 4 was measured), others gain when a loop looks at what it needs
    /// later (decision 28).
    public boolean fetchesFarAhead() {
        return vendor.equals("AuthenticAMD");
    }
}
