package dev.lowrank.compress.quantize;

import dev.lowrank.tensor.DType;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// What targets may be stored in where the allocation chooses a type for each of them, together with its
/// rank.
///
/// @param types block types to choose from, from coarse to fine, each one of [Quantization#types]
/// @param unrounded whether a site may also stay in the element type of the model
/// @param plain whether every weight is rounded by itself, to the nearest; see [Quantization]
public record Bits(List<DType> types, boolean unrounded, boolean plain) {
    /// Asks for [#standard] on the command line.
    public static final String AUTO = "auto";

    /// Names the element type of the model on the command line.
    public static final String UNROUNDED = "plain";

    /// Types that llama.cpp reads as well, each at a size of its own.
    private static final List<DType> STANDARD = List.of(DType.Q4_0, DType.Q4_K, DType.Q6_K, DType.Q8_0);

    public Bits {
        var asked = new LinkedHashSet<>(types);
        types = Quantization.types().stream().filter(asked::contains).toList();
        if (types.size() < asked.size()) {
            asked.removeAll(types);
            throw new IllegalArgumentException("Targets are stored in " + String.join(", ", names()) + ", not in "
                    + asked.stream().map(DType::name).collect(Collectors.joining(", ")));
        }
        if (types.isEmpty()) {
            throw new IllegalArgumentException("A choice of types needs a block type to choose");
        }
    }

    /// The usual choice: four block types, and no rounding at all.
    public static Bits standard(boolean plain) {
        return new Bits(STANDARD, true, plain);
    }

    /// Names that [#of] knows.
    public static List<String> names() {
        return Stream.concat(Quantization.ids().stream(), Stream.of(UNROUNDED)).toList();
    }

    /// The types of some names.
    ///
    /// @param names [#AUTO] alone, or some of [#names]
    /// @throws IllegalArgumentException naming the known types, or for fewer than two
    public static Bits of(List<String> names, boolean plain) {
        if (names.equals(List.of(AUTO))) {
            return standard(plain);
        }
        var types = names.stream()
                .filter(name -> !name.equals(UNROUNDED))
                .map(name -> Quantization.of(name, plain).type())
                .toList();
        if (names.stream().distinct().count() < 2) {
            throw new IllegalArgumentException("--bits " + String.join(",", names)
                    + " leaves nothing to choose; give several types, or the one with --quantize");
        }
        return new Bits(types, names.contains(UNROUNDED), plain);
    }

    /// Its name on the command line.
    public String id() {
        return equals(standard(plain))
                ? AUTO
                : Stream.concat(
                                types.stream().map(Quantization::id),
                                Stream.of(UNROUNDED).filter(any -> unrounded))
                        .collect(Collectors.joining(","));
    }

    /// How one of the types is rounded to.
    public Quantization of(DType type) {
        return new Quantization(type, plain);
    }
}
