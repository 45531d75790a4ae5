package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.checkpoint.Checkpoint;
import dev.lowrank.checkpoint.TensorInfo;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.EncoderParts;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Role;
import dev.lowrank.model.SiteForms;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// What `inspect` tells of a model.
///
/// @param model its path
/// @param architecture `model_type`
/// @param layers number of blocks
/// @param hiddenSize width of the residual stream
/// @param heads query heads
/// @param kvHeads key/value heads
/// @param headDim width of a head
/// @param vocabSize rows of the embedding
/// @param maxPositions context length
/// @param tied whether no table but the embedding scores tokens
/// @param encoderHeads what an encoder has behind its blocks; absent for a decoder
/// @param parameters numbers of the whole model
/// @param bytes bytes of the weight files
/// @param bitsPerWeight `8 * bytes / parameters`
/// @param types numbers stored by element type
/// @param roles its linears by role
/// @param other parameters and bytes of embeddings, head and norms
record Inspection(
        @JsonProperty("model") String model,
        @JsonProperty("architecture") String architecture,
        @JsonProperty("layers") int layers,
        @JsonProperty("hidden_size") int hiddenSize,
        @JsonProperty("heads") int heads,
        @JsonProperty("kv_heads") int kvHeads,
        @JsonProperty("head_dim") int headDim,
        @JsonProperty("vocab_size") int vocabSize,
        @JsonProperty("max_positions") int maxPositions,
        @JsonProperty("tied") boolean tied,

        @JsonProperty("encoder_heads") @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable
        List<String> encoderHeads,

        @JsonProperty("parameters") long parameters,
        @JsonProperty("bytes") long bytes,
        @JsonProperty("bits_per_weight") double bitsPerWeight,
        @JsonProperty("types") Map<String, Long> types,
        @JsonProperty("roles") List<RoleLine> roles,
        @JsonProperty("other") Part other) {

    /// The linears of one role in all blocks.
    ///
    /// @param role short name
    /// @param shapes `[out, in]` of the matrices that they represent
    /// @param sites how many
    /// @param forms how many in each storage form
    /// @param rankMin smallest rank
    /// @param rankMax largest rank
    /// @param stored what they store
    record RoleLine(
            @JsonProperty("role") String role,
            @JsonProperty("shapes") List<String> shapes,
            @JsonProperty("sites") int sites,
            @JsonProperty("forms") Map<String, Integer> forms,
            @JsonProperty("rank_min") int rankMin,
            @JsonProperty("rank_max") int rankMax,
            @JsonProperty("stored") Part stored) {}

    /// @param parameters numbers
    /// @param bytes bytes
    record Part(
            @JsonProperty("parameters") long parameters,
            @JsonProperty("bytes") long bytes) {
        static Part of(List<TensorInfo> tensors) {
            var numbers = tensors.stream()
                    .filter(info -> info.dtype().isFloating())
                    .mapToLong(info -> info.shape().elements())
                    .sum();
            return new Part(
                    numbers, tensors.stream().mapToLong(TensorInfo::bytes).sum());
        }
    }

    /// Reads the headers of an open model.
    static Inspection of(LanguageModel model) {
        var spec = model.spec();
        var checkpoint = model.checkpoint();
        var used = model.weights().names().stream().map(checkpoint::info).toList();
        var others = new TreeSet<>(model.weights().names());
        spec.sites().forEach(site -> others.removeAll(model.weights().tensorNames(site)));
        var parameters = model.weights().parameters();
        var bytes = checkpoint.weightBytes();
        return new Inspection(
                checkpoint.path().toString(),
                spec.modelType(),
                spec.blocks().size(),
                spec.hiddenSize(),
                spec.heads(),
                spec.kvHeads(),
                spec.headDim(),
                spec.vocabSize(),
                spec.maxPositions(),
                spec.tied(),
                spec.encoder().map(Inspection::heads).orElse(null),
                parameters,
                bytes,
                8.0 * bytes / parameters,
                types(used),
                roles(model, spec, checkpoint),
                Part.of(others.stream().map(checkpoint::info).toList()));
    }

    private static List<String> heads(EncoderParts parts) {
        var heads = new ArrayList<String>();
        parts.pooler().ifPresent(_ -> heads.add("pooler"));
        parts.classifier().ifPresent(head -> heads.add("classifier of " + String.join(", ", head.labels())));
        parts.masked().ifPresent(_ -> heads.add("masked tokens"));
        return heads;
    }

    private String head() {
        if (encoderHeads == null) {
            return "head " + (tied ? "tied to the embedding" : "of its own");
        }
        return "an encoder with " + (encoderHeads.isEmpty() ? "no head" : String.join(" and ", encoderHeads));
    }

    private static Map<String, Long> types(List<TensorInfo> tensors) {
        var types = new TreeMap<String, Long>();
        tensors.forEach(info -> types.merge(info.storedType(), info.shape().elements(), Long::sum));
        return types;
    }

    private static List<RoleLine> roles(LanguageModel model, DecoderSpec spec, Checkpoint checkpoint) {
        var byRole = new EnumMap<Role, List<LinearSite>>(Role.class);
        spec.sites()
                .forEach(site -> byRole.computeIfAbsent(site.role(), _ -> new ArrayList<>())
                        .add(site));
        var forms = SiteForms.of(checkpoint.config());
        var lines = new ArrayList<RoleLine>();
        byRole.forEach((role, sites) -> lines.add(line(model, forms, role, sites)));
        return lines;
    }

    private static RoleLine line(LanguageModel model, SiteForms forms, Role role, List<LinearSite> sites) {
        var counts = new LinkedHashMap<String, Integer>();
        var tensors = new ArrayList<TensorInfo>();
        var names = new LinkedHashSet<String>();
        for (var site : sites) {
            counts.merge(forms.name(site), 1, Integer::sum);
            names.addAll(model.weights().tensorNames(site)); // sites may share a tensor
        }
        names.forEach(name -> tensors.add(model.checkpoint().info(name)));
        var ranks = sites.stream().mapToInt(forms::rank).summaryStatistics();
        var shapes = sites.stream()
                .map(site -> "[" + site.out() + ", " + site.in() + "]")
                .distinct()
                .toList();
        return new RoleLine(role.id(), shapes, sites.size(), counts, ranks.getMin(), ranks.getMax(), Part.of(tensors));
    }

    /// The same for people.
    String text() {
        var text = new StringBuilder();
        text.append(model).append('\n');
        text.append(String.format(
                "%s, %d layers, hidden %d, %d heads of %d, %d key/value heads, vocabulary %s, context %s, %s%n",
                architecture,
                layers,
                hiddenSize,
                heads,
                headDim,
                kvHeads,
                Figures.count(vocabSize),
                Figures.count(maxPositions),
                head()));
        text.append(String.format(
                "%s parameters in %s, %s bits per weight, stored as %s%n%n",
                Figures.count(parameters),
                Figures.bytes(bytes),
                Figures.decimal(bitsPerWeight, 2),
                String.join(", ", types.keySet())));
        return text.append(table().render()).toString();
    }

    private Table table() {
        var table = Table.of("role", "sites", "shape", "form", "rank", "parameters", "share", "bytes");
        for (var line : roles) {
            table.row(
                    line.role(),
                    Integer.toString(line.sites()),
                    shapes(line.shapes()),
                    forms(line.forms()),
                    line.rankMin() == line.rankMax()
                            ? Integer.toString(line.rankMin())
                            : line.rankMin() + ".." + line.rankMax(),
                    Figures.count(line.stored().parameters()),
                    share(line.stored()),
                    Figures.bytes(line.stored().bytes()));
        }
        return table.row(
                "other",
                "-",
                "embeddings, norms",
                "-",
                "-",
                Figures.count(other.parameters()),
                share(other),
                Figures.bytes(other.bytes()));
    }

    private static String shapes(List<String> shapes) {
        return shapes.size() <= 2 ? String.join(" ", shapes) : shapes.size() + " shapes";
    }

    private String share(Part part) {
        return Figures.decimal(100.0 * part.parameters() / parameters, 1) + " %";
    }

    private static String forms(Map<String, Integer> forms) {
        if (forms.size() == 1) {
            return forms.keySet().iterator().next();
        }
        var parts = new ArrayList<String>();
        forms.forEach((form, count) -> parts.add(count + " " + form));
        return String.join(", ", parts);
    }
}
