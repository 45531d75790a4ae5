package dev.lowrank.app;

/// Hears how far a long piece of work is.
interface Progress {
    /// A new stage begins.
    ///
    /// @param stage what is done, e.g. `calibrate`
    /// @param total how many units it has
    /// @param unit name of the unit, plural, e.g. `blocks`
    void stage(String stage, long total, String unit);

    /// So many units of the stage are done.
    void done(long units);

    /// All stages are done.
    void finish();
}
