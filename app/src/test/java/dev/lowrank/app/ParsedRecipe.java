package dev.lowrank.app;

import dev.lowrank.compress.CompressionRecipe;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// The recipe that options of `compress` stand for.
@Command
final class ParsedRecipe {
    @Option(names = "--method", defaultValue = CompressionRecipe.OWN)
    private String method;

    @Option(names = "--storage", defaultValue = "auto")
    private String storage;

    @Mixin
    private RecipeOptions options;

    private ParsedRecipe() {}

    static CompressionRecipe of(String... arguments) {
        return of(List.of(arguments));
    }

    static CompressionRecipe of(List<String> arguments) {
        var parsed = new ParsedRecipe();
        new CommandLine(parsed).parseArgs(new ArrayList<>(arguments).toArray(String[]::new));
        return parsed.options.recipe(parsed.method, parsed.storage);
    }
}
