package dev.lowrank.recover;

import tools.jackson.databind.node.ObjectNode;

/// Writes the page that lies beside a trained model in its folder.
@FunctionalInterface
public interface RecoveryPage {
    /// Makes the page. Called once, when everything but page and manifest is written.
    ///
    /// @param report what the training did; its seconds differ from run to run, so they do not belong on
    ///     the
    ///     page
    /// @param run what the manifest will say of the compression and of this training, the last of
    ///     `recovered`.
    ///     Read only
    /// @return the file's content
    byte[] of(RecoveryReport report, ObjectNode run);
}
