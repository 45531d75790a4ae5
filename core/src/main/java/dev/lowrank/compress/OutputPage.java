package dev.lowrank.compress;

/// Writes the page that lies beside a model in its folder.
@FunctionalInterface
public interface OutputPage {
    /// Name of the page in the folder.
    String FILE_NAME = "report.html";

    /// Makes the page. Called once, when everything but page and manifest is written; the same record gives
    /// the same bytes.
    ///
    /// @return the file's content
    byte[] of(OutputRecord made);
}
