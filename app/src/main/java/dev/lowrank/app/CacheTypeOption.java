package dev.lowrank.app;

import dev.lowrank.tensor.DType;
import java.util.List;
import picocli.CommandLine.Option;

/// The option that says how keys and values are kept.
final class CacheTypeOption {
    private static final String SINGLE = "f32";
    private static final String NARROW = "bf16";

    @Option(
            names = "--cache-type",
            defaultValue = SINGLE,
            paramLabel = "TYPE",
            description = "Of keys and values that are kept: f32, or bf16 for half the memory and rounded numbers"
                    + " (${DEFAULT-VALUE}).")
    private String name;

    /// The element type.
    ///
    /// @throws CommandException with code 2 for another name
    DType type() {
        UsageErrors.known(name, "cache types", List.of(SINGLE, NARROW));
        return name.equals(NARROW) ? DType.BF16 : DType.F32;
    }
}
