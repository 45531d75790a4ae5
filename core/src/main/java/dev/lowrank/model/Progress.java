package dev.lowrank.model;

/// Hears how far a long piece of work has come; the console draws it.
@FunctionalInterface
public interface Progress {
    /// Called after each unit of work.
    ///
    /// @param what what is being done, e.g. `calibrate and decompose`
    /// @param done units done, from 0
    /// @param total units in all
    void step(String what, long done, long total);

    /// Hears nothing.
    static Progress silent() {
        return (what, done, total) -> {};
    }
}
