package dev.lowrank.explore;

/// A bound on a measure.
///
/// @param measure its name
/// @param relation on which side of the bound values are allowed
/// @param bound a value; where `relative`, a change of the dense model's, `-0.09` for nine per cent less
/// @param relative whether the bound is such a change
/// @param text as the user wrote it
public record Constraint(String measure, Relation relation, double bound, boolean relative, String text) {
    /// Sides of a bound.
    public enum Relation {
        AT_MOST,
        AT_LEAST
    }

    /// The value that must not be passed.
    ///
    /// @param dense measures of the model that nothing is cut of
    public double limit(Measures dense) {
        return relative ? dense.require(measure) * (1 + bound) : bound;
    }

    /// How far a configuration is beyond the bound, relative to it; 0 where it meets it.
    public double violation(Measures measures, Measures dense) {
        var limit = limit(dense);
        var beyond = measures.require(measure) - limit;
        var excess = relation == Relation.AT_MOST ? beyond : -beyond;
        return excess <= 0 ? 0 : excess / Math.max(Math.abs(limit), Double.MIN_NORMAL);
    }
}
