package dev.lowrank.compress.method;

import dev.lowrank.compress.statistics.Statistic;
import java.util.EnumSet;
import java.util.Set;

/// What a catalogue says of a method.
///
/// @param id name on the command line, lower case
/// @param title what it does, in a few words
/// @param paper where it was published
/// @param needs what calibration must measure; empty if it needs no calibration text
public record MethodInfo(String id, String title, String paper, Set<Statistic> needs) {
    public MethodInfo {
        needs = Set.copyOf(needs);
    }

    /// The same method when it takes the mean input out and gives it back by a bias, or not.
    MethodInfo centred(boolean centred) {
        if (!centred) {
            return this;
        }
        var more = EnumSet.of(Statistic.MEAN);
        more.addAll(needs);
        return new MethodInfo(id, title, paper, more);
    }

    /// Whether it needs a calibration text.
    public boolean needsCalibration() {
        return !needs.isEmpty();
    }
}
