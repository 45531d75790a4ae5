package dev.lowrank.explore;

import java.util.List;

/// A way through a search space. The same task gives the same configurations in the same order, whatever an
/// evaluation takes from a cache: that is how a search which was stopped goes on.
public sealed interface Search permits GreedySearch, BayesianSearch, Nsga2Search {
    /// Names on the command line.
    List<String> IDS = List.of("greedy", "bayes", "nsga2");

    /// Its name on the command line.
    String id();

    /// Searches.
    ///
    /// @return everything that was measured, the dense model first
    List<Evaluated> run(SearchTask task);

    /// A search by its name, with its defaults.
    ///
    /// @throws IllegalArgumentException naming the known ones
    static Search of(String id) {
        return switch (id) {
            case "greedy" -> GreedySearch.DEFAULT;
            case "bayes" -> BayesianSearch.DEFAULT;
            case "nsga2" -> Nsga2Search.DEFAULT;
            default ->
                throw new IllegalArgumentException(
                        "Unknown search '" + id + "'; known searches: " + String.join(", ", IDS));
        };
    }
}
