package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.explore.Configuration;
import dev.lowrank.explore.DesignSpace;
import dev.lowrank.explore.Measures;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// What `explore --json` prints and `explore.json` holds; its keys are a contract. Nothing in it depends on
/// when or in how many attempts it was made, but speeds, which are measured once and kept.
///
/// @param model path of the original
/// @param space what there is to choose
/// @param method method, storage and texts
/// @param units of the measures that are no plain numbers
/// @param configurations everything that was measured, each once, the original first
/// @param sweeps rows by the place of their configurations
/// @param front what to choose from; absent without a search
/// @param uniform equal shares beside the front; absent likewise
/// @param search what was searched for; absent likewise
/// @param missing what could not be measured, and why
/// @param command the command that makes this document
@JsonInclude(JsonInclude.Include.NON_NULL)
record ExploreDocument(
        @JsonProperty("model") String model,
        @JsonProperty("space") Space space,
        @JsonProperty("method") Map<String, Object> method,
        @JsonProperty("units") Map<String, String> units,
        @JsonProperty("configurations") List<Map<String, Object>> configurations,
        @JsonProperty("sweeps") List<SweepRows> sweeps,
        @JsonProperty("front") @Nullable List<FrontMember> front,
        @JsonProperty("uniform") @Nullable List<UniformRow> uniform,
        @JsonProperty("search") @Nullable SearchWords search,
        @JsonProperty("missing") List<String> missing,
        @JsonProperty("command") String command) {
    private static final Map<String, String> UNITS = Map.of(
            "latency",
            "seconds a decoded token",
            "memory",
            "bytes of weights, keys and values",
            "energy",
            "joules a token");

    /// @param layers that may be cut
    /// @param tensors that may be cut in them
    /// @param sites linears of these
    /// @param ranks the largest rank that saves anything
    /// @param size choices of layers, tensors and rank, exactly
    /// @param atOneRank choices of layers and tensors
    /// @param order the latter as a power of two
    /// @param models different models at one rank
    record Space(
            @JsonProperty("layers") List<Integer> layers,
            @JsonProperty("tensors") List<String> tensors,
            @JsonProperty("sites") int sites,
            @JsonProperty("ranks") int ranks,
            @JsonProperty("size") String size,
            @JsonProperty("size_at_one_rank") String atOneRank,
            @JsonProperty("order_at_one_rank") String order,
            @JsonProperty("models_at_one_rank") String models) {
        static Space of(DesignSpace space) {
            return new Space(
                    space.layers(),
                    space.tensors().stream().map(role -> role.id()).toList(),
                    space.sites().size(),
                    space.mostRank(),
                    space.size().toString(),
                    space.atOneRank().toString(),
                    "2^" + space.exponent(),
                    space.modelsAtOneRank().toString());
        }
    }

    /// @param kind what varies
    /// @param rows in order
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record SweepRows(
            @JsonProperty("kind") String kind,
            @JsonProperty("rows") List<SweepRow> rows) {}

    /// @param at what varies
    /// @param configuration its place in `configurations`
    record SweepRow(
            @JsonProperty("at") String at,
            @JsonProperty("configuration") int configuration) {}

    /// @param configuration its place in `configurations`
    /// @param stored figures of the model exactly as it would be written, on all texts
    /// @param met whether the constraints hold of what was measured, speed included
    /// @param command makes it
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record FrontMember(
            @JsonProperty("configuration") int configuration,
            @JsonProperty("stored") Map<String, Double> stored,
            @JsonProperty("constraints_met") boolean met,
            @JsonProperty("command") @Nullable String command) {}

    /// @param keep share of the sites' bytes
    /// @param configuration its place in `configurations`
    /// @param stored figures of the model exactly as it would be written
    /// @param front place of the front's best with no more bytes; absent where there is none
    /// @param dominated whether that is better
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record UniformRow(
            @JsonProperty("keep") double keep,
            @JsonProperty("configuration") int configuration,
            @JsonProperty("stored") Map<String, Double> stored,
            @JsonProperty("front") @Nullable Integer front,
            @JsonProperty("dominated") boolean dominated) {}

    /// @param name which
    /// @param evaluations configurations measured
    /// @param objectives what was traded off
    /// @param constraints what had to hold
    /// @param members of the whole front
    record SearchWords(
            @JsonProperty("name") String name,
            @JsonProperty("evaluations") int evaluations,
            @JsonProperty("objectives") List<String> objectives,
            @JsonProperty("constraints") List<String> constraints,
            @JsonProperty("members") int members) {}

    /// What is known besides the exploration.
    ///
    /// @param method method, storage and texts
    /// @param commands makes each member of the front, in its order; empty where nothing is written
    /// @param missing what could not be measured
    /// @param command of the whole
    record Context(
            String model, Map<String, Object> method, List<String> commands, List<String> missing, String command) {}

    static ExploreDocument of(Exploration found, Context context) {
        var all = found.configurations();
        var places = new LinkedHashMap<Configuration, Integer>();
        all.keySet().forEach(configuration -> places.put(configuration, places.size()));
        var searched = found.searched();
        Set<Configuration> front = searched == null
                ? Set.of()
                : searched.front().members().stream()
                        .map(each -> each.configuration())
                        .collect(Collectors.toCollection(LinkedHashSet::new));
        var rows = new ArrayList<Map<String, Object>>();
        all.forEach((configuration, measures) ->
                rows.add(row(found.space(), configuration, measures, front.contains(configuration))));
        return new ExploreDocument(
                context.model(),
                Space.of(found.space()),
                context.method(),
                UNITS.entrySet().stream()
                        .sorted(Map.Entry.comparingByKey())
                        .collect(Collectors.toMap(
                                Map.Entry::getKey, Map.Entry::getValue, (one, other) -> one, LinkedHashMap::new)),
                rows,
                found.sweeps().stream().map(swept -> sweep(swept, places)).toList(),
                searched == null ? null : front(found, searched, places, context.commands()),
                searched == null ? null : uniform(searched, places),
                searched == null ? null : words(searched),
                context.missing(),
                context.command());
    }

    /// The place of a configuration.
    private static int place(Map<Configuration, Integer> places, Configuration configuration) {
        return places.getOrDefault(configuration, -1);
    }

    /// One configuration as a flat object.
    static Map<String, Object> row(DesignSpace space, Configuration configuration, Measures measures, boolean onFront) {
        var row = new LinkedHashMap<String, Object>();
        var cut = configuration.cut(space.sites());
        row.put(
                "layers",
                cut.stream().map(site -> site.layer()).distinct().sorted().toList());
        row.put("tensors", cut.stream().map(site -> site.role().id()).distinct().toList());
        var common = configuration.commonRank();
        if (common.isPresent()) {
            row.put("rank", common.getAsInt());
        }
        if (!configuration.isDense()) {
            row.put("ranks", configuration.ranks());
        }
        row.put(Measures.BYTES, measures.size().bytes());
        row.put(Measures.PARAMETERS, measures.size().parameters());
        row.put("decode_bytes", measures.size().decodeBytes());
        row.put(Measures.MEMORY, measures.size().memoryBytes());
        row.putAll(measures.quality());
        if (measures.estimatedLatency() != null) {
            row.put("latency_estimated", measures.estimatedLatency());
        }
        var speed = measures.speed();
        if (speed != null) {
            row.put(Measures.LATENCY, speed.latency());
            row.put("decode_tokens_per_second", speed.decode());
            row.put("prefill_tokens_per_second", speed.prefill());
            if (speed.joules() != null) {
                row.put(Measures.ENERGY, speed.joules());
            }
        }
        if (onFront) {
            row.put("front", true);
        }
        return row;
    }

    private static SweepRows sweep(Exploration.Swept swept, Map<Configuration, Integer> places) {
        return new SweepRows(
                swept.sweep().kind().id(),
                swept.rows().stream()
                        .map(row ->
                                new SweepRow(row.at(), place(places, row.found().configuration())))
                        .toList());
    }

    private static List<FrontMember> front(
            Exploration found,
            Exploration.Searched searched,
            Map<Configuration, Integer> places,
            List<String> commands) {
        var members = new ArrayList<FrontMember>();
        for (var i = 0; i < searched.members().size(); i++) {
            var member = searched.members().get(i);
            members.add(new FrontMember(
                    place(places, member.found().configuration()),
                    member.stored(),
                    searched.constraints().stream()
                            .allMatch(constraint ->
                                    constraint.violation(member.found().measures(), found.dense()) == 0),
                    i < commands.size() ? commands.get(i) : null));
        }
        return members;
    }

    private static List<UniformRow> uniform(Exploration.Searched searched, Map<Configuration, Integer> places) {
        var first = searched.objectives().getFirst();
        return searched.uniform().stream()
                .map(row -> {
                    var best = searched.against(row);
                    return new UniformRow(
                            row.keep(),
                            place(places, row.member().found().configuration()),
                            row.member().stored(),
                            best == null ? null : Integer.valueOf(place(places, best.configuration())),
                            best != null
                                    && first.cost(best.measures())
                                            < first.cost(row.member().found().measures()));
                })
                .toList();
    }

    private static SearchWords words(Exploration.Searched searched) {
        return new SearchWords(
                searched.search().id(),
                searched.all().size(),
                searched.objectives().stream()
                        .map(objective -> objective.measure())
                        .toList(),
                searched.constraints().stream()
                        .map(constraint -> constraint.text())
                        .toList(),
                searched.front().members().size());
    }
}
