package dev.lowrank.compress.quantize;

import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.TypeConversion;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The blocks in which a run stores its target linears, and how it rounds to them.
///
/// @param type one of [#types]
/// @param plain whether every weight is rounded by itself, to the nearest; else errors are passed on in the
///     metric of the inputs
public record Quantization(DType type, boolean plain) {
    public Quantization {
        if (!types().contains(type)) {
            throw new IllegalArgumentException("--quantize is one of "
                    + types().stream().map(Quantization::id).collect(Collectors.joining(", ")) + ", not " + id(type));
        }
    }

    /// The types that can be asked for, from coarse to fine.
    public static List<DType> types() {
        return Stream.of(DType.Q4_0, DType.NF4, DType.Q4_K, DType.Q4_1, DType.Q6_K, DType.Q8_0)
                .filter(TypeConversion.blockTypes()::contains)
                .toList();
    }

    /// Names of all types.
    public static List<String> ids() {
        return types().stream().map(Quantization::id).toList();
    }

    /// Finds one by the name of its type.
    ///
    /// @throws IllegalArgumentException naming the known types
    public static Quantization of(String id, boolean plain) {
        return types().stream()
                .filter(type -> id(type).equals(id.toLowerCase(Locale.ROOT)))
                .findFirst()
                .map(type -> new Quantization(type, plain))
                .orElseThrow(() -> new IllegalArgumentException(
                        "Unknown block type '" + id + "'; known types: " + String.join(", ", ids())));
    }

    /// Name of its type, as on the command line.
    public String id() {
        return id(type);
    }

    static String id(DType type) {
        return type.name().toLowerCase(Locale.ROOT);
    }

    /// What ranks should be multiples of, so that the rows of right-hand factors are whole blocks: of the
    /// type itself, or of the finer one with small blocks that stands in for the types with 256.
    public int rankMultiple() {
        return rankMultiple(type);
    }

    /// The same of any block type.
    public static int rankMultiple(DType type) {
        return type == DType.NF4 ? 64 : 32;
    }
}
