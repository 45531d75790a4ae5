package dev.lowrank.compress.method;

import java.util.List;
import java.util.function.Function;

/// The visible list of methods. Adding one means adding a file and a line here.
public final class Methods {
    private static final List<Function<MethodOptions, Method>> ALL = List.of(
            options -> new Svd(),
            options -> new Asvd(options.alpha()),
            options -> new SvdLlm(),
            options -> new Lord(options.centred()),
            options -> new KfacSvd(options.shrinkage()),
            options -> new Tucker());

    private Methods() {}

    /// All methods with their published defaults.
    public static List<Method> all() {
        return ALL.stream().map(make -> make.apply(MethodOptions.DEFAULT)).toList();
    }

    /// Ids of all methods, in the order of the list.
    public static List<String> ids() {
        return all().stream().map(method -> method.info().id()).toList();
    }

    /// A method by its id.
    ///
    /// @throws IllegalArgumentException naming the known ids
    public static Method of(String id, MethodOptions options) {
        return ALL.stream()
                .map(make -> make.apply(options))
                .filter(method -> method.info().id().equals(id))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "Unknown method '" + id + "'; known methods: " + String.join(", ", ids())));
    }
}
