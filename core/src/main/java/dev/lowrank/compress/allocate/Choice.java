package dev.lowrank.compress.allocate;

import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.model.LinearSite;

/// How one site will be stored.
///
/// @param form its storage form
/// @param rank rank of its matrix; the smaller side where it stays dense
/// @param biasGained whether it stores an output bias that the site did not have
public record Choice(StorageForm form, int rank, boolean biasGained) {
    public Choice {
        if (rank < 1) {
            throw new IllegalArgumentException("A stored matrix has a rank of at least 1, but was given " + rank);
        }
    }

    /// A choice that stores no bias which the site did not have.
    public Choice(StorageForm form, int rank) {
        this(form, rank, false);
    }

    /// The site as it is.
    public static Choice dense(LinearSite site) {
        return new Choice(StorageForm.DENSE, Math.min(site.in(), site.out()), false);
    }

    /// Whether the site stays as it is.
    public boolean isDense() {
        return form == StorageForm.DENSE;
    }
}
