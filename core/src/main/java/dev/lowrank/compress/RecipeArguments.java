package dev.lowrank.compress;

import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.method.BlockRemoval;
import dev.lowrank.compress.method.ModuleMethod;
import dev.lowrank.compress.method.SiteMethod;
import dev.lowrank.model.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// The options of `compress` that ask for a recipe. Every part that is read is named, defaults too: what is
/// missing from the list is what the recipe does not look at.
public final class RecipeArguments {
    private final CompressionRecipe recipe;
    private final List<String> arguments = new ArrayList<>();

    private RecipeArguments(CompressionRecipe recipe) {
        this.recipe = recipe;
    }

    /// Options and their values, one entry each, without model, texts and output.
    public static List<String> of(CompressionRecipe recipe) {
        var made = new RecipeArguments(recipe);
        made.method();
        made.budget();
        made.rest();
        return List.copyOf(made.arguments);
    }

    /// What no option can say, in words; empty for every recipe that the command line makes.
    static String unsaid(CompressionRecipe recipe) {
        var standard = SequentialUpdate.DEFAULT;
        var update = recipe.update();
        var words = new ArrayList<String>();
        if (update != null && (update.ridge() != standard.ridge() || update.windows() != standard.windows())) {
            words.add("a ridge of " + update.ridge() + " and " + update.windows() + " windows in the update");
        }
        if (recipe.budget() instanceof Budget.Absolute absolute && absolute.besides() == 0) {
            words.add("a budget of " + absolute.amount() + " " + absolute.unit().id() + " for the targets alone");
        }
        return String.join(", ", words);
    }

    private void method() {
        add("--method", recipe.name());
        arguments.addAll(recipe.method().options());
        if (recipe.method() instanceof SiteMethod) {
            add("--storage", recipe.storage().policy().id());
            add("--update", recipe.updateId());
            var update = recipe.update();
            if (update != null) {
                add("--update-alpha", Double.toString(update.alpha()));
            }
        }
    }

    private void budget() {
        if (recipe.method() instanceof SiteMethod || recipe.method() instanceof ModuleMethod) {
            arguments.addAll(recipe.allocator().options());
        }
        switch (recipe.budget()) {
            case Budget.Share share -> {
                add("--count", share.unit().id());
                add("--keep", Double.toString(share.keep().kept()));
            }
            case Budget.Absolute absolute -> add("--budget", absolute.amount() + absolute.besides() + "B");
            case Budget.Unbounded any -> {
                if (recipe.allocator().spends()) {
                    add("--count", any.unit().id());
                }
            }
        }
    }

    private void rest() {
        if (!(recipe.method() instanceof BlockRemoval)) {
            add("--rank-multiple", Integer.toString(recipe.rankMultiple()));
        }
        if (!recipe.targets().isEmpty()) {
            add("--targets", recipe.targets().stream().map(Role::id).sorted().collect(Collectors.joining(",")));
        }
        if (!recipe.protectedLayers().isEmpty()) {
            add(
                    "--protect",
                    recipe.protectedLayers().stream()
                            .sorted()
                            .map(String::valueOf)
                            .collect(Collectors.joining(",")));
        }
        rounding();
        var outliers = recipe.storage().outliers();
        if (outliers != null) {
            add("--outliers", Double.toString(outliers.share()));
        }
        if (recipe.dtype() != null) {
            add("--dtype", recipe.dtype().name().toLowerCase(Locale.ROOT));
        }
        add("--seed", Long.toString(recipe.seed()));
    }

    private void rounding() {
        var blocks = recipe.storage().quantization();
        var bits = recipe.storage().bits();
        if (blocks != null) {
            add("--quantize", blocks.id());
        }
        if (bits != null) {
            add("--bits", bits.id());
        }
        if (blocks != null && blocks.plain() || bits != null && bits.plain()) {
            arguments.add("--quantize-plain");
        }
    }

    private void add(String option, String value) {
        arguments.add(option);
        arguments.add(value);
    }
}
