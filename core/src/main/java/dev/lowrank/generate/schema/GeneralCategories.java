package dev.lowrank.generate.schema;

import java.util.BitSet;

/// The general categories of Unicode by the names that patterns use.
final class GeneralCategories {
    /// Names in the order of [Character#getType]'s numbers; 17 is unused.
    private static final String NAMES =
            "Cn Lu Ll Lt Lm Lo Mn Me Mc Nd Nl No -- Zs Zl Zp Cc Cf -- Co Cs Pd Ps Pe Pc Po" + " Sm Sc Sk So Pi Pf";

    private GeneralCategories() {}

    /// The types of a category such as `Lu`, or of a group such as `L`; empty if there is no such name.
    static BitSet named(String name) {
        var types = new BitSet();
        var names = NAMES.split(" ", -1);
        for (var type = 0; type < names.length; type++) {
            if (names[type].equals(name) || (name.length() == 1 && names[type].startsWith(name))) {
                types.set(type);
            }
        }
        return types;
    }
}
