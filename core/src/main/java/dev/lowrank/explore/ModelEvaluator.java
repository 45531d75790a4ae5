package dev.lowrank.explore;

import dev.lowrank.checkpoint.Sha256;
import dev.lowrank.compress.Candidates;
import dev.lowrank.compress.allocate.Allocation;
import dev.lowrank.compress.allocate.GivenRanks;
import dev.lowrank.evaluate.EnergyMeter;
import dev.lowrank.evaluate.SpeedMeter;
import dev.lowrank.explore.Measures.Size;
import dev.lowrank.explore.Measures.Speed;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.Progress;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.tensor.DType;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Measures configurations of a model that is assembled in memory: every site is decomposed once, for all
/// ranks, and what a configuration leaves dense is shared with the original. What was measured before is
/// read from the cache.
public final class ModelEvaluator implements Evaluator, AutoCloseable {
    /// Changes when a change of the program changes what is measured.
    private static final String ARITHMETIC = "explore-1";

    private final LanguageModel model;
    private final Candidates candidates;
    private final List<QualityMeter> meters;
    private final EvaluationCache cache;
    private final String identity;
    private final Setup setup;
    private final Progress progress;
    private @Nullable LatencyLine line;
    private @Nullable TorchDecoder dense;
    private int evaluated;

    /// What is not the model.
    ///
    /// @param identity everything that decides a candidate besides its ranks: the model's files, the
    ///     recipe, the
    ///     calibration text
    /// @param residency whether the original's blocks stay in memory
    /// @param speed how speed is measured; also decides the cache in [Size#memoryBytes]
    public record Setup(String identity, Residency residency, SpeedPlan speed) {}

    /// @param model borrowed, as are the candidates and the cache
    /// @param meters measured by [#evaluate], at least one
    public ModelEvaluator(
            LanguageModel model,
            Candidates candidates,
            List<QualityMeter> meters,
            EvaluationCache cache,
            Setup setup,
            Progress progress) {
        this.model = model;
        this.candidates = candidates;
        this.meters = List.copyOf(meters);
        this.cache = cache;
        this.identity = ARITHMETIC + "\n" + setup.identity();
        this.setup = setup;
        this.progress = progress;
    }

    /// Estimates latencies from now on.
    public void estimateBy(LatencyLine latencies) {
        line = latencies;
    }

    /// How many evaluations were not in the cache.
    public int evaluated() {
        return evaluated;
    }

    /// What `compress` would make of a configuration. Sites where the rank saves nothing are dense.
    public Allocation choices(Configuration configuration) {
        return candidates.choices(new GivenRanks(configuration.ranks(), "the configuration"));
    }

    /// The configuration without the sites where the rank saves nothing.
    public Configuration canonical(Configuration configuration) {
        var ranks = new TreeMap<String, Integer>();
        choices(configuration).choices().forEach((site, choice) -> {
            if (!choice.isDense()) {
                ranks.put(site.name(), choice.rank());
            }
        });
        return new Configuration(ranks);
    }

    /// What a configuration takes, without running it.
    public Measures sized(Configuration configuration) {
        var choices = choices(configuration);
        var bytes = candidates.bytes(choices);
        var size = new Size(
                bytes,
                candidates.parameters(choices),
                candidates.decodeBytes(choices),
                bytes + cacheBytes(model.spec(), setup.speed().tokens()));
        var measures = Measures.of(size);
        return line == null ? measures : measures.withEstimatedLatency(line.at(size.decodeBytes()));
    }

    /// Bytes of keys and values, F32, of one sequence.
    static long cacheBytes(DecoderSpec spec, int tokens) {
        return spec.blocks().stream()
                .mapToLong(block -> (long) spec.kvHeads()
                        * (block.heads().keyDim() + block.heads().valueDim())
                        * Math.min(tokens, spec.maxPositions())
                        * Float.BYTES)
                .sum();
    }

    /// Measures a configuration with F32 factors: what its storage form computes, without its rounding.
    @Override
    public Measures evaluate(Configuration configuration) {
        return sized(configuration).withQuality(measured("trial", meters, configuration, candidates::trial));
    }

    /// Measures a configuration exactly as `compress` writes it.
    ///
    /// @param judges which figures
    public SortedMap<String, Double> stored(Configuration configuration, List<QualityMeter> judges) {
        return measured("stored", judges, configuration, candidates::stored);
    }

    /// Measures the speed of a configuration as `compress` writes it.
    public Speed speed(Configuration configuration) {
        var key = key("speed", setup.speed().protocol(), configuration);
        var before = cache.get(key);
        if (before == null) {
            evaluated++;
            before = speedValues(configuration);
            cache.put(key, "speed", configuration, before);
        }
        return new Speed(
                before.getOrDefault("latency", Double.NaN),
                before.getOrDefault("decode", Double.NaN),
                before.getOrDefault("prefill", Double.NaN),
                before.get("joules"));
    }

    private String key(String kind, String protocol, Configuration configuration) {
        return Sha256.of(String.join("\n", identity, kind, protocol, configuration.text()));
    }

    private SortedMap<String, Double> measured(
            String kind,
            List<QualityMeter> judges,
            Configuration configuration,
            BiFunction<Allocation, Arena, Map<LinearSite, Linear>> cutting) {
        // A dense model is the same whatever form its cut sites would take.
        var protocol = judges.stream().map(QualityMeter::protocol).collect(Collectors.joining("\n"));
        var key = key(configuration.isDense() ? "dense" : kind, protocol, configuration);
        var before = cache.get(key);
        if (before != null) {
            return before;
        }
        evaluated++;
        var values = new TreeMap<String, Double>();
        run(configuration, cutting, decoder -> {
            for (var meter : judges) {
                values.putAll(meter.measure(decoder, progress));
            }
        });
        cache.put(key, kind, configuration, values);
        return values;
    }

    private interface Run {
        void with(TorchDecoder decoder);
    }

    private void run(
            Configuration configuration, BiFunction<Allocation, Arena, Map<LinearSite, Linear>> cutting, Run run) {
        if (configuration.isDense()) {
            run.with(dense());
            return;
        }
        try (var arena = Arena.ofShared();
                var decoder = dense().with(cutting.apply(choices(configuration), arena))) {
            run.with(decoder);
        }
    }

    private TorchDecoder dense() {
        if (dense == null) {
            dense = TorchDecoder.load(model, setup.residency());
        }
        return dense;
    }

    private SortedMap<String, Double> speedValues(Configuration configuration) {
        var plan = setup.speed();
        try (var arena = Arena.ofShared()) {
            var linears = candidates.stored(choices(configuration), arena);
            var found = new ArrayList<SpeedMeter.Speed>();
            try (var torch = dense().with(linears);
                    var row = RowDecoder.of(
                            model,
                            site -> linears.getOrDefault(site, model.weights().linear(site)),
                            Runtime.getRuntime().availableProcessors())) {
                row.warm(DType.F32); // Before energy counts.
                var joules = EnergyMeter.ofMachine()
                        .joules(() -> found.add(new SpeedMeter(torch, row, DType.F32)
                                .measure(plan.prompt(), plan.decode(), plan.rounds())));
                var speed = found.getFirst();
                var values = new TreeMap<String, Double>();
                values.put("latency", 1 / speed.decodeTokensPerSecond());
                values.put("decode", speed.decodeTokensPerSecond());
                values.put("prefill", speed.prefillTokensPerSecond());
                joules.ifPresent(all -> values.put(
                        "joules", all / ((double) plan.rounds() * (speed.promptTokens() + speed.decodedTokens()))));
                return values;
            }
        }
    }

    @Override
    public void close() {
        if (dense != null) {
            dense.close();
        }
    }
}
