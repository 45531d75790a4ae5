package dev.lowrank.explore;

/// A configuration and what was measured of it.
public record Evaluated(Configuration configuration, Measures measures) {}
