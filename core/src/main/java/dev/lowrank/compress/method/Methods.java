package dev.lowrank.compress.method;

import java.util.List;
import java.util.function.Function;

/// The visible list of methods. Adding one means adding a file and a line here.
public final class Methods {
    private static final List<Function<MethodOptions, Method>> ALL = List.of(
            options -> new Svd(),
            options -> new Asvd(options.alpha(), options.centredOr(false)),
            options -> new SvdLlm(options.centredOr(false), options.inputShrinkage()),
            options -> new Lord(options.centredOr(true), options.inputShrinkage()),
            options -> new KfacSvd(options.shrinkage(), options.centredOr(false), options.inputShrinkage()),
            options -> new Tucker(),
            options -> new MoDeGpt(options.ridge()),
            options -> new BasisSharing(options.sharedBlocks()),
            options -> new ShortGpt(),
            options -> new Sleb());

    private Methods() {}

    /// All methods with their published defaults.
    public static List<Method> all() {
        return ALL.stream().map(make -> make.apply(MethodOptions.DEFAULT)).toList();
    }

    /// All methods that treat every linear by itself, with their published defaults.
    public static List<SiteMethod> sites() {
        return all().stream()
                .filter(SiteMethod.class::isInstance)
                .map(SiteMethod.class::cast)
                .toList();
    }

    /// A method that treats every linear by itself, by its id.
    ///
    /// @throws IllegalArgumentException naming the known ids
    public static SiteMethod site(String id, MethodOptions options) {
        if (of(id, options) instanceof SiteMethod method) {
            return method;
        }
        throw new IllegalArgumentException("The method " + id
                + " does not treat every linear by itself; those that do: "
                + String.join(
                        ", ", sites().stream().map(method -> method.info().id()).toList()));
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
