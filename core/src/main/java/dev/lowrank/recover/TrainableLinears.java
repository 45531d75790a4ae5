package dev.lowrank.recover;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/// The linears of a model as training loads them: those that move as [TrainableForm] makes them, the others
/// as stored. Sites that share a factor are made together when the first of them is asked for; each is
/// handed out once.
final class TrainableLinears {
    private final LanguageModel model;
    private final Set<LinearSite> sites;
    private final SharedFactors shared;
    private final Map<LinearSite, Linear> ahead = new HashMap<>();

    /// @param sites linears that move
    TrainableLinears(LanguageModel model, Set<LinearSite> sites, SharedFactors shared) {
        this.model = model;
        this.sites = sites;
        this.shared = shared;
    }

    /// @param arena owner of its memory, where it is not asked for ahead
    Linear of(LinearSite site, Arena arena) {
        if (!sites.contains(site)) {
            return stored(site);
        }
        var readers = shared.readers(site);
        if (readers.size() == 1) {
            return TrainableForm.of(stored(site), site.name(), arena);
        }
        if (!ahead.containsKey(site)) {
            var linears =
                    TrainableForm.sharing(readers.stream().map(this::stored).toList(), site.name(), Arena.ofAuto());
            for (var i = 0; i < linears.size(); i++) {
                ahead.put(readers.get(i), linears.get(i));
            }
        }
        return Objects.requireNonNull(ahead.remove(site), site.name());
    }

    private Linear stored(LinearSite site) {
        return model.weights().linear(site);
    }
}
