package dev.lowrank.compress.method;

import dev.lowrank.model.Role;
import java.util.List;

/// Gives the same linear of neighbouring blocks one common basis: `W_l ≈ B_l A` with one `A [rank, in]` for
/// all of them and a `B_l [out, rank]` of each. Adding one means adding a file and a line in [Methods].
public non-sealed interface SharedBasis extends Method {
    /// Neighbouring blocks that share.
    int blocks();

    /// Whether linears of this role share; the others have a basis each.
    boolean shares(Role role);

    /// Decomposes linears that share their basis, once for every rank.
    ///
    /// @param problems of one role, of neighbouring blocks; at least one
    /// @return their weights below each other as one matrix `[Σ out, in]`, in the innermost scope
    Decomposition decompose(List<Problem> problems);
}
