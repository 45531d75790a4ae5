package dev.lowrank.compress;

import dev.lowrank.compress.allocate.Budget;
import dev.lowrank.compress.allocate.Choice;
import dev.lowrank.compress.method.StreamAxes;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.DecoderSpec.Norm;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import java.util.List;

/// How wide the residual stream stays within a budget, and the model of that width.
///
/// Every decoder linear reads or writes the stream, so all of them shrink alike: the width is the largest
/// whose linears are within the budget, a multiple of the number of heads (`transformers` refuses another
/// `hidden_size`) and of `--rank-multiple`.
///
/// @param width `d'`
/// @param blueprint what is written
record StreamPlan(int width, Blueprint blueprint) {
    /// Plans from headers and the final norm alone.
    ///
    /// @throws IllegalArgumentException if the budget is below the narrowest stream
    static StreamPlan of(LanguageModel source, CompressionRecipe recipe, List<LinearSite> targets) {
        var spec = source.spec();
        var unit = recipe.budget().unit();
        var whole = cost(source, recipe, targets, spec.hiddenSize());
        var limit = recipe.budget().limit(whole);
        var step = multiple(spec.heads(), recipe.rankMultiple());
        var width = spec.hiddenSize();
        while (width > 0 && cost(source, recipe, targets, width) > limit) {
            width = (width - 1) / step * step;
        }
        if (width == 0) {
            throw new IllegalArgumentException("The budget of " + limit + " " + unit.id() + " is below what a residual"
                    + " stream of " + step + " costs (" + cost(source, recipe, targets, step)
                    + "), the narrowest there is; keep more");
        }
        var epsilon = StreamAxes.epsilon(spec.norm().epsilon(), spec.hiddenSize(), width);
        return new StreamPlan(width, Blueprint.streaming(source, width, epsilon, staysTied(source)));
    }

    private static int multiple(int heads, int asked) {
        var most = heads;
        while (most % asked != 0) {
            most += heads;
        }
        return most;
    }

    private static long cost(LanguageModel source, CompressionRecipe recipe, List<LinearSite> targets, int width) {
        var unit = recipe.budget().unit();
        return targets.stream()
                .map(site -> narrowed(site, width))
                .mapToLong(site -> unit.cost(site, CompressionPlan.dtype(source, recipe, site), Choice.dense(site)))
                .sum();
    }

    /// A site where the stream has another width.
    static LinearSite narrowed(LinearSite site, int width) {
        var reads = switch (site.role().feed()) {
            case ATTENTION_INPUT, MLP_INPUT -> true;
            case ATTENTION_OUTPUT, MLP_HIDDEN -> false;
        };
        return new LinearSite(
                site.layer(),
                site.role(),
                site.name(),
                reads ? width : site.in(),
                reads ? site.out() : width,
                site.bias(),
                site.layout());
    }

    /// Whether head and embedding stay one matrix: only if the final norm scales all channels alike, since
    /// its weight goes into the head otherwise.
    private static boolean staysTied(LanguageModel source) {
        if (!source.spec().tied()) {
            return false;
        }
        var scale = source.weights().scale(source.spec().finalNorm()).toFloats();
        for (var value : scale) {
            if (value != scale[0]) {
                return false;
            }
        }
        return true;
    }

    /// Refuses what a rotation of the stream cannot be combined with.
    static void check(LanguageModel source, CompressionRecipe recipe) {
        var id = recipe.method().info().id();
        if (!recipe.targets().isEmpty() || !recipe.protectedLayers().isEmpty()) {
            throw new IllegalArgumentException("The method " + id + " narrows the residual stream, which all linears of"
                    + " all blocks share; leave --targets and --protect out");
        }
        if (recipe.budget() instanceof Budget.Unbounded) {
            throw new IllegalArgumentException(
                    "The method " + id + " needs a budget that says how wide the stream stays; give --keep");
        }
        if (source.spec().norm().kind() != Norm.Kind.RMS) {
            throw new IllegalArgumentException("The method " + id + " rotates the residual stream, which only RMS norms"
                    + " (llama, qwen2) let pass; " + source.spec().modelType()
                    + " has layer norms, whose mean depends on"
                    + " the axes. Methods that fit it: shortgpt, sleb, basis-sharing and all that treat linears one by"
                    + " one");
        }
    }

    /// Numbers that the model stores besides the weights of its linears: embedding, head, norms, biases.
    static long rest(DecoderSpec spec) {
        var tables = (spec.tied() ? 1L : 2L) * spec.vocabSize();
        var norms = 2L * spec.blocks().size() + 1;
        return (tables + norms) * spec.hiddenSize()
                + spec.sites()
                        .filter(LinearSite::bias)
                        .mapToLong(LinearSite::out)
                        .sum();
    }
}
