package dev.lowrank.compress.allocate;

import dev.lowrank.compress.storage.BlockFit;
import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.DType;
import java.util.Arrays;
import java.util.stream.Collectors;

/// What a budget counts.
public enum CostUnit {
    /// Numbers of the weight, and of a bias that the site gained by being cut; without index and the bias
    /// that it had.
    PARAMETERS("parameters"),
    /// Bytes of the same numbers in the file, index included.
    BYTES("bytes"),
    /// Bytes that one decoded token reads of the linear: weight, index and, where the linear has one, bias.
    DECODE_BYTES("decode-bytes");

    private final String id;

    CostUnit(String id) {
        this.id = id;
    }

    /// Name on the command line and in reports.
    public String id() {
        return id;
    }

    /// What a site costs if it is stored so.
    ///
    /// @param dtype element type or block type that all sites are written in; the choice may name another
    public long cost(LinearSite site, DType dtype, Choice choice) {
        return switch (this) {
            case PARAMETERS -> choice.form().parameters(site.out(), site.in(), choice.rank()) + gained(site, choice);
            case BYTES -> bytes(site, dtype, choice);
            case DECODE_BYTES ->
                bytes(site, dtype, choice) + (site.bias() ? (long) site.out() * BlockFit.plainBytes(dtype) : 0);
        };
    }

    private static long bytes(LinearSite site, DType dtype, Choice choice) {
        var stored = choice.type() == null ? dtype : choice.type();
        return choice.form().bytes(site.out(), site.in(), choice.rank(), stored)
                + (long) gained(site, choice) * BlockFit.plainBytes(dtype);
    }

    private static int gained(LinearSite site, Choice choice) {
        return choice.biasGained() ? site.out() : 0;
    }

    /// Finds a unit by its name.
    ///
    /// @throws IllegalArgumentException naming the known units
    public static CostUnit of(String id) {
        return Arrays.stream(values())
                .filter(unit -> unit.id.equals(id))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("Unknown budget unit '" + id + "'; known units: "
                        + Arrays.stream(values()).map(CostUnit::id).collect(Collectors.joining(", "))));
    }
}
