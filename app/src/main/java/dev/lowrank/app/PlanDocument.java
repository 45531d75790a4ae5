package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.compress.CompressionPlan;
import dev.lowrank.compress.MeasuredPlan;
import dev.lowrank.compress.OutputPage;
import dev.lowrank.compress.SitePlan;
import dev.lowrank.model.LanguageModel;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What `plan` tells.
///
/// @param model path of the source
/// @param method method
/// @param storage storage policy
/// @param ranksKnown whether ranks are known before calibration; if not, they are those of the same budget
///     spent evenly
/// @param keptTarget numbers kept ÷ original over the targets
/// @param keptModel numbers kept ÷ original over the whole model
/// @param parametersBefore numbers before
/// @param parametersAfter numbers after
/// @param headParameters those of a head of its own, where head and embedding are one matrix before; else 0
/// @param bytesBefore bytes of the source's weights
/// @param bytesDense bytes of the source written dense in the types of the output
/// @param bytesAfter bytes of the output's weights
/// @param flopsBefore multiplications and additions of the linears for one token, before
/// @param flopsAfter the same, after
/// @param memoryBytes predicted peak memory of the run
/// @param diskBytes disk that the run needs
/// @param seconds predicted time
/// @param sites the targets
/// @param predictedDivergence of the ranks that were measured, in nats per token; absent without
///     `--curves`, or
///     where the allocator predicts none
/// @param report page in which other budgets can be tried; absent without `--curves`
@JsonInclude(JsonInclude.Include.NON_NULL)
record PlanDocument(
        @JsonProperty("model") String model,
        @JsonProperty("method") String method,
        @JsonProperty("storage") String storage,
        @JsonProperty("ranks_known") boolean ranksKnown,
        @JsonProperty("kept_target") double keptTarget,
        @JsonProperty("kept_model") double keptModel,
        @JsonProperty("parameters_before") long parametersBefore,
        @JsonProperty("parameters_after") long parametersAfter,
        @JsonProperty("head_parameters") long headParameters,
        @JsonProperty("bytes_before") long bytesBefore,
        @JsonProperty("bytes_dense") long bytesDense,
        @JsonProperty("bytes_after") long bytesAfter,
        @JsonProperty("flops_per_token_before") long flopsBefore,
        @JsonProperty("flops_per_token_after") long flopsAfter,
        @JsonProperty("memory_bytes") long memoryBytes,
        @JsonProperty("disk_bytes") long diskBytes,
        @JsonProperty("seconds") double seconds,
        @JsonProperty("sites") List<Site> sites,
        @JsonProperty("predicted_divergence") @Nullable Double predictedDivergence,
        @JsonProperty("report") @Nullable String report) {

    /// A target.
    ///
    /// @param name module path
    /// @param role short name of its role
    /// @param out outputs
    /// @param in inputs
    /// @param form storage form
    /// @param rank rank
    /// @param breakEven rank at which two factors cost as much as the matrix
    /// @param parametersBefore numbers before
    /// @param parametersAfter numbers after
    record Site(
            @JsonProperty("name") String name,
            @JsonProperty("role") String role,
            @JsonProperty("out") int out,
            @JsonProperty("in") int in,
            @JsonProperty("form") String form,
            @JsonProperty("rank") int rank,
            @JsonProperty("break_even") int breakEven,
            @JsonProperty("parameters_before") long parametersBefore,
            @JsonProperty("parameters_after") long parametersAfter) {

        static Site of(SitePlan plan) {
            var site = plan.site();
            return new Site(
                    site.name(),
                    site.role().id(),
                    site.out(),
                    site.in(),
                    plan.form(),
                    plan.rank(),
                    plan.breakEven(),
                    plan.parametersBefore(),
                    plan.parametersAfter());
        }
    }

    static PlanDocument of(LanguageModel source, CompressionPlan plan) {
        return of(source, plan, null, null);
    }

    /// With ranks that were measured.
    ///
    /// @param output folder of the page
    static PlanDocument of(LanguageModel source, MeasuredPlan measured, Path output) {
        var predicted = measured.predictedLoss();
        return of(
                source,
                measured.plan(),
                Double.isNaN(predicted) ? null : predicted,
                output.resolve(OutputPage.FILE_NAME).toString());
    }

    private static PlanDocument of(
            LanguageModel source, CompressionPlan plan, @Nullable Double predicted, @Nullable String report) {
        var recipe = plan.recipe();
        var untouched =
                plan.others().stream().mapToLong(SitePlan::parametersBefore).sum();
        return new PlanDocument(
                source.checkpoint().path().toString(),
                recipe.name(),
                recipe.storageId(),
                recipe.ranksKnownAhead() || plan.allocation() != null,
                (double) plan.targetParametersAfter() / plan.targetParametersBefore(),
                (double) plan.parametersAfter() / plan.parametersBefore(),
                plan.parametersBefore(),
                plan.parametersAfter(),
                plan.headParameters(),
                plan.sourceBytes(),
                plan.bytesDense(),
                plan.bytesAfter(),
                2 * (untouched + plan.targetParametersBefore()),
                2
                        * (untouched
                                + plan.targets().stream()
                                        .mapToLong(SitePlan::multiplied)
                                        .sum()),
                plan.need().memoryBytes(),
                plan.need().diskBytes(),
                plan.need().seconds(),
                plan.targets().stream().map(Site::of).toList(),
                predicted,
                report);
    }

    /// The same for people: sites that are planned alike share a line.
    String text() {
        var text = new StringBuilder();
        text.append(String.format("%s by %s, stored %s%n%n", model, method, storage));
        if (!ranksKnown) {
            text.append("What is cut where is known only after calibration. Below:\n")
                    .append(keptTarget < 1 ? "the same budget spent evenly.\n\n" : "the dense model.\n\n");
        }
        text.append(sitesTable().render()).append('\n').append(totals().render());
        text.append(String.format(
                "%nThe run needs about %s of memory, %s of disk and %s on two cores.%n",
                Figures.bytes(memoryBytes), Figures.bytes(diskBytes), Figures.seconds(seconds)));
        if (headParameters > 0) {
            text.append(String.format(
                    "Head and embedding are one matrix before and two after: the weight of the final norm goes into the"
                            + " head. --keep counts the target linears alone; the head of its own adds %s numbers.%n",
                    Figures.count(headParameters)));
        }
        if (bytesAfter > bytesBefore) {
            text.append(String.format(
                    "The output is larger than the source file: %s stored at fewer bits become %s. Measured in the same"
                            + " element type it shrinks from %s to %s.%n",
                    Figures.bytes(bytesBefore),
                    Figures.bytes(bytesAfter),
                    Figures.bytes(bytesDense),
                    Figures.bytes(bytesAfter)));
        }
        if (predictedDivergence != null) {
            text.append(String.format(
                    "Predicted: %.4f nats a token from the dense model, a perplexity of about %.3f times its own.%n",
                    predictedDivergence, Math.exp(predictedDivergence)));
        }
        if (report != null) {
            text.append(String.format("Other budgets: %s%n", report));
        }
        return text.toString();
    }

    private Table sitesTable() {
        var groups = new LinkedHashMap<String, Integer>();
        var first = new LinkedHashMap<String, Site>();
        for (var site : sites) {
            var key = site.role() + site.out() + "x" + site.in() + site.form() + site.rank();
            groups.merge(key, 1, Integer::sum);
            first.putIfAbsent(key, site);
        }
        var table = Table.of("role", "sites", "shape", "form", "rank", "break-even", "kept");
        first.forEach((key, site) -> table.row(
                site.role(),
                String.valueOf(groups.get(key)),
                "[" + site.out() + ", " + site.in() + "]",
                site.form(),
                Integer.toString(site.rank()),
                Integer.toString(site.breakEven()),
                Figures.decimal((double) site.parametersAfter() / site.parametersBefore(), 3)));
        return table;
    }

    private Table totals() {
        return Table.of("", "before", "after", "kept")
                .row(
                        "target linears",
                        Figures.count(
                                sites.stream().mapToLong(Site::parametersBefore).sum()),
                        Figures.count(
                                sites.stream().mapToLong(Site::parametersAfter).sum()),
                        Figures.decimal(keptTarget, 3))
                .row(
                        "whole model",
                        Figures.count(parametersBefore),
                        Figures.count(parametersAfter),
                        Figures.decimal(keptModel, 3))
                .row(
                        "weight bytes, same type",
                        Figures.bytes(bytesDense),
                        Figures.bytes(bytesAfter),
                        Figures.decimal((double) bytesAfter / bytesDense, 3))
                .row(
                        "linear FLOPs per token",
                        Figures.count(flopsBefore),
                        Figures.count(flopsAfter),
                        Figures.decimal((double) flopsAfter / flopsBefore, 3));
    }
}
