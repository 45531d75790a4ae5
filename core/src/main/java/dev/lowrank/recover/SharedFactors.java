package dev.lowrank.recover;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.SiteForms;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Which sites read one stored right factor. It is one slot of the parameters, under the name it is stored
/// by: its gradient is the sum over its readers, and it stays one tensor.
final class SharedFactors {
    private static final String FACTOR = ".a.weight";

    private final SiteForms forms;
    /// Readers by the name of the site that stores their factor; only where there are several.
    private final Map<String, List<LinearSite>> readers;
    /// Stored name by the name that a reader's own factor would have.
    private final Map<String, String> names = new HashMap<>();

    private SharedFactors(SiteForms forms, Map<String, List<LinearSite>> readers) {
        this.forms = forms;
        this.readers = readers;
        readers.forEach((owner, sites) -> sites.forEach(site -> names.put(site.name() + FACTOR, owner + FACTOR)));
    }

    static SharedFactors of(LanguageModel model) {
        var forms = SiteForms.of(model.checkpoint().config());
        var readers = model.spec().sites().collect(Collectors.groupingBy(forms::owner));
        readers.values().removeIf(sites -> sites.size() == 1);
        return new SharedFactors(forms, readers);
    }

    /// The sites that read the right factor of a site, itself included, in execution order.
    List<LinearSite> readers(LinearSite site) {
        return readers.getOrDefault(forms.owner(site), List.of(site));
    }

    /// The name of the site that stores the right factor of a site; null if it does so itself.
    @Nullable
    String lender(LinearSite site) {
        var owner = forms.owner(site);
        return owner.equals(site.name()) ? null : owner;
    }

    /// The name under which a tensor is stored.
    ///
    /// @param name as if every site stored its own factors
    String stored(String name) {
        return names.getOrDefault(name, name);
    }

    /// Whether several sites read a tensor.
    boolean contains(String name) {
        return names.containsKey(name);
    }
}
