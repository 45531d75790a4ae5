package dev.lowrank.compress.storage;

import dev.lowrank.tensor.DType;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/// Which storage forms a run may use. Dense is always allowed: a site that a form would make no smaller
/// keeps its matrix.
public enum StoragePolicy {
    /// Whichever carries the highest rank within the budget and reads the fewest bytes.
    AUTO("auto", List.of(StorageForm.PIVOTED, StorageForm.FACTORED)),
    FACTORED("factored", List.of(StorageForm.FACTORED)),
    PIVOTED("pivoted", List.of(StorageForm.PIVOTED)),
    /// Only for methods that make a core.
    TUCKER("tucker", List.of(StorageForm.TUCKER));

    private final String id;
    private final List<StorageForm> forms;

    StoragePolicy(String id, List<StorageForm> forms) {
        this.id = id;
        this.forms = forms;
    }

    /// Name on the command line.
    public String id() {
        return id;
    }

    /// Forms it may use, besides dense.
    public List<StorageForm> forms() {
        return forms;
    }

    /// The form in which a rank takes the fewest bytes; empty if the matrix itself takes no more.
    ///
    /// @param dtype element type, or the block type that is asked for
    public Optional<StorageForm> smallest(int out, int in, int rank, DType dtype) {
        return forms.stream()
                .min(Comparator.comparingLong(form -> form.bytes(out, in, rank, dtype)))
                .filter(form -> form.bytes(out, in, rank, dtype) < StorageForm.DENSE.bytes(out, in, rank, dtype));
    }

    /// Finds a policy by its name.
    ///
    /// @throws IllegalArgumentException naming the known ones
    public static StoragePolicy of(String id) {
        return Arrays.stream(values())
                .filter(policy -> policy.id.equals(id))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("Unknown storage '" + id + "'; known: "
                        + Arrays.stream(values()).map(StoragePolicy::id).collect(Collectors.joining(", "))));
    }
}
