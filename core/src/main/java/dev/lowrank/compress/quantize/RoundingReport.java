package dev.lowrank.compress.quantize;

import java.util.List;
import java.util.Map;

/// What rounding a site to blocks, and outliers beside them, came to. Errors are squared and weighed by the
/// second moment of the inputs, or plain where that was not measured.
///
/// @param types type of each part that was rounded, by its name
/// @param energy what the whole weight would cost if it were lost
/// @param cut what the cut alone loses
/// @param joint what cut, rounding and outliers lose together
/// @param weighed whether inputs were measured
/// @param feedback whether errors were passed on; without it every weight was rounded by itself, because
///     that was asked for or was better here
/// @param outliers single entries that are stored in plain numbers
public record RoundingReport(
        Map<String, String> types,
        double energy,
        double cut,
        double joint,
        boolean weighed,
        boolean feedback,
        int outliers) {
    /// What rounding without outliers came to.
    public RoundingReport(
            Map<String, String> types, double energy, double cut, double joint, boolean weighed, boolean feedback) {
        this(types, energy, cut, joint, weighed, feedback, 0);
    }

    /// Parts that did not get the type that was asked for.
    public List<String> notes(Quantization asked) {
        return types.entrySet().stream()
                .filter(part -> !part.getValue().equals(asked.id()))
                .map(part -> part.getKey() + " is stored in " + part.getValue() + ": its rows are no whole blocks of "
                        + asked.id())
                .toList();
    }

    /// Relative error of the cut alone.
    public double cutError() {
        return energy == 0 ? 0 : Math.sqrt(cut / energy);
    }

    /// Relative error of cut, rounding and outliers.
    public double jointError() {
        return energy == 0 ? 0 : Math.sqrt(joint / energy);
    }
}
