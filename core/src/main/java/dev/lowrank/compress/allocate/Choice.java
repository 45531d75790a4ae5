package dev.lowrank.compress.allocate;

import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.model.LinearSite;
import dev.lowrank.tensor.DType;
import org.jspecify.annotations.Nullable;

/// How one site will be stored.
///
/// @param form its storage form
/// @param rank rank of its matrix; the smaller side where it stays dense
/// @param biasGained whether it stores an output bias that the site did not have
/// @param type block type that was chosen for this site; null for what the run stores all its sites in
public record Choice(
        StorageForm form,
        int rank,
        boolean biasGained,
        @Nullable DType type) {
    public Choice {
        if (rank < 1) {
            throw new IllegalArgumentException("A stored matrix has a rank of at least 1, but was given " + rank);
        }
    }

    /// A choice of rank alone.
    public Choice(StorageForm form, int rank, boolean biasGained) {
        this(form, rank, biasGained, null);
    }

    /// A choice that stores no bias which the site did not have.
    public Choice(StorageForm form, int rank) {
        this(form, rank, false);
    }

    /// The site as it is.
    public static Choice dense(LinearSite site) {
        return new Choice(StorageForm.DENSE, Math.min(site.in(), site.out()), false);
    }

    /// The same in blocks of a type.
    Choice in(@Nullable DType other) {
        return new Choice(form, rank, biasGained, other);
    }

    /// Whether the matrix stays whole, in whatever type.
    public boolean isDense() {
        return form == StorageForm.DENSE;
    }
}
