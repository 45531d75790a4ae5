package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.SequentialUpdate;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.Methods;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RecipeOptionsTest {
    private static final Budget BUDGET = new Budget.Share(CostUnit.PARAMETERS, KeepRatio.keep(0.8));

    static List<String> names() {
        return CompressionRecipe.names();
    }

    @Test
    void withoutOptionsTheRecipeIsTheLibrarysBest() {
        assertThat(ParsedRecipe.of()).isEqualTo(CompressionRecipe.best(BUDGET, 0));
    }

    @ParameterizedTest
    @MethodSource("names")
    void aNameStandsForTheSameRecipeAsInTheLibrary(String name) {
        assertThat(ParsedRecipe.of("--method", name, "--seed=5"))
                .isEqualTo(CompressionRecipe.named(name, MethodOptions.DEFAULT, BUDGET, 5));
    }

    @Test
    void anUpdateOfAPublishedMethodHasTheStandardNumbers() {
        var recipe = ParsedRecipe.of("--method=svd-llm", "--update=sequential");
        assertThat(recipe.update()).isEqualTo(SequentialUpdate.DEFAULT);
        assertThat(recipe.method()).isEqualTo(Methods.of("svd-llm", MethodOptions.DEFAULT));
        assertThat(ParsedRecipe.of("--update=none").update()).isNull();
        assertThat(ParsedRecipe.of("--update-alpha=0.7").update()).isEqualTo(new SequentialUpdate(0.7, 3e-3, 64));
    }
}
