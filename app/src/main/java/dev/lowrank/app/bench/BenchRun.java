package dev.lowrank.app.bench;

import dev.lowrank.evaluate.ProcessMemory;
import dev.lowrank.evaluate.SpeedMeter;
import dev.lowrank.model.KvCache;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.TorchDecoder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Measures models one after the other. Beside peers each has several turns, so that all meet the same
/// machine: this program, the peers, this program again, the peers again; the best turn of each counts.
///
/// @param workload what each has to do
/// @param peers measured beside each model; may be empty
/// @param work folder for files that peers need
/// @param progress hears of each turn
public record BenchRun(Workload workload, List<Peer> peers, Path work, Progress progress) {
    /// Turns beside peers.
    public static final int TURNS = 2;
    /// No token takes more characters of a text than this, by far.
    private static final int MOST_CHARACTERS_A_TOKEN = 100;

    public BenchRun {
        peers = List.copyOf(peers);
    }

    /// The text has fewer tokens than the prompt should have; the message says how many.
    public static final class ShortTextException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        ShortTextException(String message) {
            super(message);
        }
    }

    /// Turns that each side has.
    public int turns() {
        return peers.isEmpty() ? 1 : TURNS;
    }

    /// Looks whether a model can be measured, before others take their time.
    ///
    /// @throws dev.lowrank.checkpoint.CheckpointException if it is broken, unsupported or an encoder
    /// @throws ShortTextException if the text has fewer tokens than the prompt
    public void check(Path path) {
        try (var model = LanguageModel.open(path)) {
            prompt(model.requireDecoder());
        }
    }

    /// Measures a model.
    ///
    /// @param name what the user calls it
    /// @param path a folder or a `.gguf` file
    /// @throws RuntimeException as [#check]
    /// @throws PeerException if a peer fails
    public ModelSpeed measure(String name, Path path) throws InterruptedException {
        try (var model = LanguageModel.open(path)) {
            return new Turns(name, model, prompt(model.requireDecoder()), folder()).run();
        }
    }

    private Path folder() {
        try {
            return Files.createTempDirectory(work, "model-");
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private int[] prompt(LanguageModel model) {
        var text = workload.text();
        var most = (long) workload.promptTokens() * MOST_CHARACTERS_A_TOKEN;
        try (var tokenizer = model.tokenizer()) {
            var tokens = tokenizer.encodeWithSpecials(text.substring(0, (int) Math.min(most, text.length())));
            if (tokens.length < workload.promptTokens()) {
                throw new ShortTextException(workload.source() + " has " + tokens.length + " tokens of "
                        + model.checkpoint().path().getFileName() + ", fewer than --prompt-tokens "
                        + workload.promptTokens() + ".");
            }
            var asked = Arrays.copyOf(tokens, workload.promptTokens());
            return SpeedMeter.fitting(asked, model.spec());
        }
    }

    /// The turns of one model.
    private final class Turns {
        private final String name;
        private final LanguageModel model;
        private final int[] prompt;
        private final int decode;
        private final Path folder;
        private final List<SpeedMeter.Speed> own = new ArrayList<>();
        private final List<ModelSpeed.Batch> batches = new ArrayList<>();
        private final Map<String, PeerSpeed> others = new LinkedHashMap<>();
        private long weightBytes;
        private long residentBytes;

        Turns(String name, LanguageModel model, int[] prompt, Path folder) {
            this.name = name;
            this.model = model;
            this.prompt = prompt;
            this.decode = Math.min(workload.decodeTokens(), model.spec().maxPositions() - prompt.length);
            this.folder = folder;
        }

        ModelSpeed run() throws InterruptedException {
            for (var turn = 1; turn <= turns(); turn++) {
                progress.step(name, turn - 1, turns());
                measureOwn();
                progress.step(name, turn, turns());
                for (var peer : peers) {
                    var stage = name + " in " + peer.name();
                    progress.step(stage, turn - 1, turns());
                    measure(peer, turn);
                    progress.step(stage, turn, turns());
                }
            }
            return speed();
        }

        private void measureOwn() {
            try (var row = RowDecoder.of(model, workload.threads());
                    var torch = TorchDecoder.forPrompts(model)) {
                var meter = new SpeedMeter(torch, row, workload.cacheType());
                own.add(meter.measureBesideMemory(prompt, decode, workload.rounds()));
                weightBytes = row.weightBytes();
                residentBytes = Math.max(residentBytes, ProcessMemory.residentBytes());
                if (batches.isEmpty()) {
                    for (var rows : workload.batches()) {
                        var together = meter.together(prompt, decode, rows, workload.rounds());
                        batches.add(new ModelSpeed.Batch(rows, together));
                    }
                }
            }
        }

        private void measure(Peer peer, int turn) throws InterruptedException {
            var task = new Peer.Task(model, prompt, decode, workload.rounds(), workload.threads(), turn, folder);
            for (var found : peer.measure(task)) {
                others.merge(found.peer(), found, PeerSpeed::best);
            }
        }

        private ModelSpeed speed() {
            return new ModelSpeed(
                    name,
                    model.weights().storedType().name(),
                    model.weights().parameters(),
                    model.checkpoint().weightBytes(),
                    weightBytes,
                    KvCache.bytes(model.spec(), prompt.length + decode / 2, workload.cacheType()),
                    residentBytes,
                    own.stream().reduce(SpeedMeter.Speed::best).orElseThrow(),
                    batches,
                    List.copyOf(others.values()),
                    notes());
        }

        private List<String> notes() {
            var notes = new ArrayList<String>();
            if (prompt.length < workload.promptTokens() || decode < workload.decodeTokens()) {
                notes.add(name + ": its context of " + model.spec().maxPositions()
                        + " tokens leaves room for a prompt of " + prompt.length + " and " + decode
                        + " tokens after it.");
            }
            others.values().stream()
                    .filter(peer -> peer.promptTokens() != prompt.length)
                    .forEach(peer -> notes.add(name + ": " + peer.peer() + " counts " + peer.promptTokens()
                            + " tokens in the prompt instead of " + prompt.length
                            + ", so that the ratio to its prefill does not compare like with like."));
            return notes;
        }
    }
}
