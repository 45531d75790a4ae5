package dev.lowrank.compress.allocate;

import dev.lowrank.compress.storage.StorageForm;
import dev.lowrank.model.LinearSite;

/// How one site will be stored.
///
/// @param form its storage form
/// @param rank rank of its matrix; the smaller side where it stays dense
public record Choice(StorageForm form, int rank) {
    public Choice {
        if (rank < 1) {
            throw new IllegalArgumentException("A stored matrix has a rank of at least 1, but was given " + rank);
        }
    }

    /// The site as it is.
    public static Choice dense(LinearSite site) {
        return new Choice(StorageForm.DENSE, Math.min(site.in(), site.out()));
    }

    /// Whether the site stays as it is.
    public boolean isDense() {
        return form == StorageForm.DENSE;
    }
}
