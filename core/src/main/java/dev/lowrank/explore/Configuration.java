package dev.lowrank.explore;

import dev.lowrank.checkpoint.Sha256;
import dev.lowrank.model.LinearSite;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// One point of a design space: the rank of every site that is cut; all others are dense.
///
/// @param ranks by the names of sites, sorted
public record Configuration(SortedMap<String, Integer> ranks) {
    /// Nothing is cut.
    public static final Configuration DENSE = new Configuration(new TreeMap<>());

    public Configuration {
        ranks = Collections.unmodifiableSortedMap(new TreeMap<>(ranks));
    }

    /// From ranks in any order.
    public static Configuration of(Map<String, Integer> ranks) {
        return new Configuration(new TreeMap<>(ranks));
    }

    /// Whether nothing is cut.
    public boolean isDense() {
        return ranks.isEmpty();
    }

    /// The canonical form: two configurations are the same model exactly where this is the same text.
    public String text() {
        return ranks.entrySet().stream()
                .map(each -> each.getKey() + "=" + each.getValue())
                .collect(Collectors.joining(";"));
    }

    /// SHA-256 of the canonical form.
    public String hash() {
        return Sha256.of(text());
    }

    /// The sites that are cut, in the order given.
    public List<LinearSite> cut(List<LinearSite> sites) {
        return sites.stream().filter(site -> ranks.containsKey(site.name())).toList();
    }

    /// The rank that all cut sites have in common; empty where they differ or there is none.
    public OptionalInt commonRank() {
        var all = ranks.values().stream().distinct().toList();
        return all.size() == 1 ? OptionalInt.of(all.getFirst()) : OptionalInt.empty();
    }
}
