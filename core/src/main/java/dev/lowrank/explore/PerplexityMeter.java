package dev.lowrank.explore;

import dev.lowrank.evaluate.Perplexity;
import dev.lowrank.model.Progress;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.text.EvaluationSet;
import java.util.List;
import java.util.Map;

/// Perplexity on a text.
///
/// @param name of the figure
/// @param set the text
public record PerplexityMeter(String name, EvaluationSet set) implements QualityMeter {
    @Override
    public List<Figure> figures() {
        return List.of(new Figure(name, false));
    }

    @Override
    public String protocol() {
        return "perplexity " + name + " of " + set.identity();
    }

    @Override
    public Map<String, Double> measure(TorchDecoder decoder, Progress progress) {
        return Map.of(name, Perplexity.measure(decoder, set, progress).value());
    }
}
