package dev.lowrank.app.bench;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.evaluate.Percentiles;
import java.util.List;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/// What `bench --json` prints; its keys are a contract.
///
/// @param machine where and when
/// @param threads that computed
/// @param promptTokens tokens asked for
/// @param decodeTokens tokens asked for
/// @param rounds in each turn
/// @param turns of each side
/// @param cacheType element type of keys and values here
/// @param text whose first tokens are the prompt
/// @param models in the order given
/// @param energy where energy comes from, or why there is none
/// @param notes what a reader should know of the figures
/// @param seconds of the whole run
public record BenchDocument(
        @JsonProperty("machine") String machine,
        @JsonProperty("threads") int threads,
        @JsonProperty("prompt_tokens") int promptTokens,
        @JsonProperty("decode_tokens") int decodeTokens,
        @JsonProperty("rounds") int rounds,
        @JsonProperty("turns") int turns,
        @JsonProperty("cache_type") String cacheType,
        @JsonProperty("text") String text,
        @JsonProperty("models") List<Model> models,
        @JsonProperty("energy") String energy,
        @JsonProperty("notes") List<String> notes,
        @JsonProperty("seconds") double seconds) {
    private static final String ENERGY_READ =
            "RAPL counters of the processor packages, which count all that runs on the machine";
    private static final String ENERGY_MISSING =
            "not measured: this system shows no readable RAPL counter under /sys/class/powercap";

    public BenchDocument {
        models = List.copyOf(models);
        notes = List.copyOf(notes);
    }

    /// A model's figures.
    ///
    /// @param model as the user named it
    /// @param type of its stored matrices
    /// @param parameters numbers stored
    /// @param fileBytes bytes of its weight files
    /// @param promptTokens tokens of the prompt
    /// @param decodeTokens tokens decoded after it
    /// @param prefill prompt tokens a second
    /// @param decode tokens a second after the prompt
    /// @param firstToken seconds from the prompt to the first token
    /// @param latency spread of single tokens' times
    /// @param weightBytes of weights that a decoded token reads
    /// @param cacheBytes of keys and values that a token at the mean position reads
    /// @param tokenBytes both together
    /// @param bandwidth bytes a second that all threads together read of the weights with nothing computed
    /// @param bandwidthShare bytes that decoding reads a second ÷ `bandwidth`
    /// @param residentBytes of the process while it decoded
    /// @param joules energy of a decoded token; absent where it cannot be read
    /// @param batches tokens a second of several sequences
    /// @param toFirst beside the first model; absent for itself
    /// @param peers beside this model
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Model(
            @JsonProperty("model") String model,
            @JsonProperty("type") String type,
            @JsonProperty("parameters") long parameters,
            @JsonProperty("file_bytes") long fileBytes,
            @JsonProperty("prompt_tokens") int promptTokens,
            @JsonProperty("decode_tokens") int decodeTokens,
            @JsonProperty("prefill_tokens_per_second") double prefill,
            @JsonProperty("decode_tokens_per_second") double decode,
            @JsonProperty("time_to_first_token_seconds") double firstToken,
            @JsonProperty("token_latency_seconds") Latency latency,
            @JsonProperty("weight_bytes_per_token") long weightBytes,
            @JsonProperty("cache_bytes_per_token") long cacheBytes,
            @JsonProperty("bytes_per_token") long tokenBytes,
            @JsonProperty("read_bandwidth_bytes_per_second") double bandwidth,
            @JsonProperty("bandwidth_share") double bandwidthShare,
            @JsonProperty("resident_bytes") long residentBytes,
            @JsonProperty("joules_per_token") @Nullable Double joules,
            @JsonProperty("batches") List<Batch> batches,
            @JsonProperty("ratio_to_first") @Nullable ToFirst toFirst,
            @JsonProperty("peers") List<BesidePeer> peers) {
        public Model {
            batches = List.copyOf(batches);
            peers = List.copyOf(peers);
        }
    }

    /// @param p50 seconds that half of the tokens do not exceed; likewise the others
    public record Latency(
            @JsonProperty("p50") double p50,
            @JsonProperty("p90") double p90,
            @JsonProperty("p99") double p99) {
        private static Latency of(Percentiles found) {
            return new Latency(found.p50(), found.p90(), found.p99());
        }
    }

    /// @param rows sequences side by side
    /// @param tokensPerSecond of all together
    public record Batch(
            @JsonProperty("rows") int rows,
            @JsonProperty("tokens_per_second") double tokensPerSecond) {}

    /// How a model compares with the first one; above 1 it is faster, or reads less.
    ///
    /// @param prefill its tokens a second ÷ those of the first
    /// @param decode likewise
    /// @param bytes bytes that a token of the first reads ÷ those of its own
    /// @param ofPossible `decode` ÷ `bytes`: 1 where decoding gains all that reading less allows
    public record ToFirst(
            @JsonProperty("prefill") double prefill,
            @JsonProperty("decode") double decode,
            @JsonProperty("bytes") double bytes,
            @JsonProperty("decode_of_bytes") double ofPossible) {
        private static ToFirst of(ModelSpeed first, ModelSpeed own) {
            var decode = own.speed().decodeTokensPerSecond() / first.speed().decodeTokensPerSecond();
            var bytes = (double) first.tokenBytes() / own.tokenBytes();
            return new ToFirst(
                    own.speed().prefillTokensPerSecond() / first.speed().prefillTokensPerSecond(),
                    decode,
                    bytes,
                    decode / bytes);
        }
    }

    /// A peer beside a model.
    ///
    /// @param peer its name, with the element type where it runs several
    /// @param bytes of the weights as it holds them; absent where that is not known
    /// @param promptTokens tokens of the prompt as it counts them
    /// @param prefill prompt tokens a second
    /// @param decode tokens a second after the prompt
    /// @param prefillRatio tokens a second here ÷ there
    /// @param decodeRatio likewise
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record BesidePeer(
            @JsonProperty("peer") String peer,
            @JsonProperty("bytes") @Nullable Long bytes,
            @JsonProperty("prompt_tokens") int promptTokens,
            @JsonProperty("prefill_tokens_per_second") double prefill,
            @JsonProperty("decode_tokens_per_second") double decode,
            @JsonProperty("prefill_ratio") double prefillRatio,
            @JsonProperty("decode_ratio") double decodeRatio) {
        private static BesidePeer of(ModelSpeed own, PeerSpeed peer) {
            return new BesidePeer(
                    peer.peer(),
                    peer.bytes() == 0 ? null : peer.bytes(),
                    peer.promptTokens(),
                    peer.prefill(),
                    peer.decode(),
                    own.speed().prefillTokensPerSecond() / peer.prefill(),
                    own.speed().decodeTokensPerSecond() / peer.decode());
        }
    }

    /// The document of a run.
    ///
    /// @param found at least one model
    public static BenchDocument of(String machine, BenchRun run, List<ModelSpeed> found, double seconds) {
        var workload = run.workload();
        var measured =
                found.stream().anyMatch(model -> model.speed().joulesPerToken().isPresent());
        return new BenchDocument(
                machine,
                workload.threads(),
                workload.promptTokens(),
                workload.decodeTokens(),
                workload.rounds(),
                run.turns(),
                workload.cacheType().name(),
                workload.source(),
                found.stream().map(model -> model(model, found.getFirst())).toList(),
                measured ? ENERGY_READ : ENERGY_MISSING,
                found.stream().flatMap(model -> model.notes().stream()).toList(),
                seconds);
    }

    private static Model model(ModelSpeed own, ModelSpeed first) {
        var speed = own.speed();
        return new Model(
                own.model(),
                own.type(),
                own.parameters(),
                own.fileBytes(),
                speed.promptTokens(),
                speed.decodedTokens(),
                speed.prefillTokensPerSecond(),
                speed.decodeTokensPerSecond(),
                speed.timeToFirstTokenSeconds(),
                Latency.of(speed.tokenSeconds()),
                own.weightBytes(),
                own.cacheBytes(),
                own.tokenBytes(),
                speed.readBandwidth(),
                own.tokenBytes() * speed.decodeTokensPerSecond() / speed.readBandwidth(),
                own.residentBytes(),
                boxed(speed.joulesPerToken()),
                own.batches().stream()
                        .map(batch -> new Batch(batch.rows(), batch.tokensPerSecond()))
                        .toList(),
                own.equals(first) ? null : ToFirst.of(first, own),
                own.peers().stream().map(peer -> BesidePeer.of(own, peer)).toList());
    }

    private static @Nullable Double boxed(OptionalDouble value) {
        return value.isPresent() ? value.getAsDouble() : null;
    }
}
