package dev.lowrank.recover;

import dev.lowrank.model.Progress;

/// Hears how far a training has come and what it has seen.
public interface RecoveryProgress extends Progress {
    /// Called after each step of the end-to-end stage.
    void trained(Pace pace);

    /// Called after each look at the validation text.
    void round(RecoveryReport.Round round);

    /// Hears nothing.
    static RecoveryProgress silent() {
        return new RecoveryProgress() {
            @Override
            public void step(String what, long done, long total) {}

            @Override
            public void trained(Pace pace) {}

            @Override
            public void round(RecoveryReport.Round round) {}
        };
    }
}
