package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.compress.CompressionRecipe;
import dev.lowrank.compress.RecipeArguments;
import dev.lowrank.compress.SequentialUpdate;
import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.CostUnit;
import dev.lowrank.compress.allocate.KeepRatio;
import dev.lowrank.compress.method.MethodOptions;
import dev.lowrank.compress.method.Methods;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

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
        assertThat(ParsedRecipe.of("--update-alpha=0.7").update())
                .isEqualTo(new SequentialUpdate(0.7, 3e-3, SequentialUpdate.ALL));
    }

    @Test
    void outliersNeedSomethingThatIsLost() {
        assertThatThrownBy(() -> ParsedRecipe.of("--outliers=0.01", "--keep=1"))
                .isInstanceOf(CommandException.class)
                .hasMessageContaining("--quantize");
        assertThatThrownBy(() -> ParsedRecipe.of("--outliers=0"))
                .isInstanceOf(CommandException.class)
                .hasMessageContaining("--outliers");
        assertThat(ParsedRecipe.of("--outliers=0.01", "--method=svd-llm").update())
                .as("measures the inputs, fits nothing")
                .isEqualTo(SequentialUpdate.DEFAULT.fitting(0));
    }

    static List<String> lines() {
        var lines = new ArrayList<>(List.of(
                "--rank=12 --storage=pivoted",
                "--energy=0.9 --method=svd-llm --rank-multiple=8",
                "--max-perplexity-increase=1%",
                "--max-perplexity-increase=0.02 --method=asvd --alpha=0.7 --count=decode-bytes",
                "--method=lord --uncentred --allocate=zs-svd --allocate-floor=0.3",
                "--allocate-rounds=2 --allocate-by=trial --allocate-floor=0.1",
                "--allocate=swift+fermi --swift-alpha=0.4",
                "--allocate=bolaco --allocate-trials=20 --update=none",
                "--allocate=asvd --allocate-by=estimate",
                "--allocate=fermi --allocate-by=spectrum",
                "--method=modegpt --ridge=0.02 --allocate=uniform",
                "--method=basis-sharing --share-blocks=3 --rank-multiple=2",
                "--bits=auto --keep=0.3 --count=bytes",
                "--bits=q4_0,nf4,plain --quantize-plain --keep=0.3 --count=decode-bytes",
                "--method=tucker --storage=tucker --dtype=f32",
                "--method=svd-llm --update=sequential --update-alpha=0.6",
                "--outliers=0.01",
                "--method=svd-llm --quantize=q4_0 --outliers=0.005 --keep=1",
                "--method=svd --quantize=q8_0 --quantize-plain --outliers=0.1",
                "--targets=gate,q --protect=2,0 --seed=7 --keep=0.35 --dtype=bf16"));
        names().forEach(name -> lines.add("--method=" + name));
        return lines;
    }

    @ParameterizedTest
    @MethodSource("lines")
    void aRecipesArgumentsAskForItAgainAndSayEverythingGiven(String line) {
        var recipe = ParsedRecipe.of(line.split(" "));
        var arguments = RecipeArguments.of(recipe);
        assertThat(ParsedRecipe.of(arguments)).isEqualTo(recipe);
        for (var option : line.split(" ", -1)) {
            assertThat(arguments).contains(option.replaceFirst("=.*", ""));
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    void aBoundOnPerplexityIsForMethodsOfSingleLinears(String name) {
        var run = Run.of("plan", "--method", name, "--max-perplexity-increase=1%");
        if (RecipeDetails.treatsLinearsAlone(name)) {
            assertThat(run.code()).as(run.err()).isZero();
        } else {
            assertThat(run.code()).isEqualTo(2);
            assertThat(run.err())
                    .contains("--max-perplexity-increase")
                    .contains(name)
                    .contains("--keep");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--allocate=rank; --rank N",
                "--rank=8 --allocate=knapsack; --rank fixes the ranks",
                "--energy=0.9 --allocate=zs-svd; --energy fixes the ranks",
                "--max-perplexity-increase=1% --allocate=rank; --rank N",
                "--allocate=fermi+fermi; none of the allocators",
                "--method=shortgpt --rank=8; own rule",
                "--rank=8 --count=bytes; --count would change nothing",
                "--method=svd --shrinkage=0.4; --shrinkage would change nothing",
                "--method=shortgpt --storage=factored; leave --storage out",
                "--method=shortgpt --allocate=uniform; --allocate would change nothing",
                "--update=none --update-alpha=0.5; --update-alpha would change nothing",
                "--allocate=uniform --allocate-rounds=2; --allocate-rounds would change nothing",
                "--allocate=zs-svd --allocate-by=trial; --allocate-by would change nothing",
                "--allocate-by=spectrum; goes by estimate or trial",
                "--budget=lots; --budget is a number of bytes",
                "--budget-bytes=lots; is a number of bytes",
                "--bits=q4_0 --budget-bytes=5MB; --quantize",
                "--bits=q5_9,q4_0 --budget-bytes=5MB; none of the types",
                "--bits=auto; --budget-bytes SIZE",
                "--bits=auto --quantize=q4_0 --budget-bytes=5MB; give one of them",
                "--bits=auto --budget-bytes=5MB --allocate=uniform; --allocate knapsack",
                "--bits=auto --budget-bytes=5MB --allocate-rounds=2; without correction rounds",
                "--bits=auto --max-perplexity-increase=1%; --allocate knapsack",
                "--bits=auto --method=svd --quantize-plain --budget-bytes=5MB; second moment",
                "--budget=5MB --keep=0.8; exclude one another"
            })
    void whatMakesNoSenseIsRefusedBeforeAnyWork(String line) {
        var parts = line.split("; ", -1);
        var run = Run.of(("plan " + parts[0]).split(" "));
        assertThat(run.code()).as(run.err()).isEqualTo(2);
        assertThat(run.err()).contains(parts[1]);
    }

    @Test
    void defaultsOfTheEnvironmentMayBeOfNoUse() {
        var run = Run.with(Run.ROOT, Map.of("LOWRANK_SHRINKAGE", "0.4"), "plan", "--method=svd");
        assertThat(run.code()).as(run.err()).isZero();
    }

    @Test
    void helpPrintsTheDefaultsOfTheLibrary() {
        var help = Run.of("compress", "--help").out().replaceAll("\\s+", " ");
        assertThat(help)
                .contains("exponent of the activation scale (0.5)")
                .contains("in the fit, 0 to 1 (0.3)")
                .contains("towards the identity, 0 to 1 (0.5)")
                .contains("energy of a channel (0.01)")
                .contains("share a basis (2)")
                .contains("candidates measured on the --validation text (50)");
    }
}
