package dev.lowrank.compress.method;

import dev.lowrank.compress.statistics.Shrinkage;

/// A low-rank method that treats every linear by itself. Adding one means adding a file and a line in
/// [Methods].
public non-sealed interface SiteMethod extends Method {
    /// Decomposes a site once, for every rank.
    ///
    /// @return components in falling order of what they contribute, in the innermost scope
    /// @throws dev.lowrank.tensor.NumericalException naming the site, if the numbers do not allow it
    Decomposition decompose(Problem problem);

    /// Whether the mean output of a cut site is given back by a bias, which a site without one gains.
    default boolean restoresMean() {
        return false;
    }

    /// How far the second moment of the inputs is drawn towards the identity before it is used.
    default Shrinkage inputShrinkage() {
        return Shrinkage.ESTIMATED;
    }

    /// Keeps the leading components.
    ///
    /// @param rank from 1 to the number of components
    /// @return borrowed views or new tensors of the innermost scope
    default Factors cut(Decomposition decomposition, int rank) {
        return decomposition.leading(rank);
    }
}
