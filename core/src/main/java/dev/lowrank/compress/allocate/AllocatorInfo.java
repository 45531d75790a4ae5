package dev.lowrank.compress.allocate;

import java.util.Set;

/// What a catalogue says of an allocator.
///
/// @param id name on the command line, lower case
/// @param title what it does, in a few words
/// @param paper where it was published
/// @param needs what must be measured before it can run
public record AllocatorInfo(String id, String title, String paper, Set<Sensitivity> needs) {
    public AllocatorInfo {
        needs = Set.copyOf(needs);
    }
}
