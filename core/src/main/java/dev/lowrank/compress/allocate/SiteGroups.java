package dev.lowrank.compress.allocate;

import dev.lowrank.model.Role;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/// Sites that are treated alike: the same kind of linear in neighbouring layers.
final class SiteGroups {
    private SiteGroups() {}

    /// Groups by role and depth.
    ///
    /// @param depths groups of neighbouring layers, of as equal a number of layers as can be
    /// @return indices into the evidence, in a fixed order; no group is empty
    static List<List<Integer>> byRoleAndDepth(List<Evidence> evidence, int depths) {
        return by(evidence, depths, Role::id);
    }

    /// Groups by a name of the role, and depth.
    static List<List<Integer>> by(List<Evidence> evidence, int depths, Function<Role, String> name) {
        var layers =
                1 + evidence.stream().mapToInt(one -> one.site().layer()).max().orElse(0);
        var names = new EnumMap<Role, String>(Role.class);
        for (var role : Role.values()) {
            names.put(role, name.apply(role));
        }
        Map<String, List<Integer>> groups = new TreeMap<>();
        for (var i = 0; i < evidence.size(); i++) {
            var site = evidence.get(i).site();
            var depth = (int) ((long) site.layer() * depths / layers);
            groups.computeIfAbsent(names.get(site.role()) + "/" + depth, _ -> new ArrayList<>())
                    .add(i);
        }
        return List.copyOf(groups.values());
    }
}
