package dev.lowrank.explore;

/// A measure to make as small, or as large, as can be.
///
/// @param measure its name
/// @param larger whether more is better
public record Objective(String measure, boolean larger) {
    /// What is minimised.
    ///
    /// @throws IllegalArgumentException if the measure is not known
    public double cost(Measures measures) {
        var value = measures.require(measure);
        return larger ? -value : value;
    }
}
