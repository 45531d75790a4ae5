package dev.lowrank.explore;

import dev.lowrank.model.Progress;
import dev.lowrank.model.TorchDecoder;
import java.util.List;
import java.util.Map;

/// Measures how good a model is, by one or more named figures.
public interface QualityMeter {
    /// A figure.
    ///
    /// @param name unique among all meters of a run
    /// @param larger whether more is better
    record Figure(String name, boolean larger) {}

    /// What it gives, in the order of reports.
    List<Figure> figures();

    /// Everything that decides the values besides the model: texts by their hashes, windows, tasks, limits.
    /// It is part of the key that evaluations are stored under.
    String protocol();

    /// Measures a model.
    ///
    /// @param decoder borrowed
    /// @return a finite value for every figure
    /// @throws dev.lowrank.tensor.NumericalException if the model is damaged
    Map<String, Double> measure(TorchDecoder decoder, Progress progress);
}
