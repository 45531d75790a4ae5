package dev.lowrank.bench;

import dev.lowrank.evaluate.SpeedMeter;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.TorchDecoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// Prefill and decode speed of a model here and in Python `transformers`, in turns in one run, so that both
/// meet the same machine; `bench/peer-transformers` starts it.
///
/// Both sides read the same words, take the best of three rounds a turn, and here the best of the turns.
/// The peer is an independent script (`peer_transformers.py`) that prints a line for each element type. Its
/// threads wait as they do by default in odd turns and passively in even ones: the better one counts.
public final class PeerComparison {
    private static final String USAGE = "usage: bench/peer-transformers MODEL_FOLDER PROMPT_FILE"
            + " [PROMPT_WORDS [DECODE_TOKENS [TURNS]]]   (400, 64 and 2 if not given)";
    private static final int ROUNDS = 3;

    private PeerComparison() {}

    /// What is measured.
    ///
    /// @param model a Hugging Face folder that both can load
    /// @param promptFile text whose first words are the prompt
    /// @param words of the prompt
    /// @param decode tokens after it
    /// @param turns of each side
    record Job(Path model, Path promptFile, int words, int decode, int turns) {
        static Job of(String[] arguments) {
            if (arguments.length < 2 || arguments.length > 5) {
                throw new IllegalArgumentException(USAGE);
            }
            return new Job(
                    Path.of(arguments[0]),
                    Path.of(arguments[1]),
                    number(arguments, 2, 400),
                    number(arguments, 3, 64),
                    number(arguments, 4, 2));
        }

        private static int number(String[] arguments, int index, int otherwise) {
            return arguments.length > index ? Integer.parseInt(arguments[index]) : otherwise;
        }

        /// The prompt as the peer cuts it.
        String prompt() throws IOException {
            return Arrays.stream(Files.readString(promptFile).strip().split("\\s+"))
                    .limit(words)
                    .collect(Collectors.joining(" "));
        }
    }

    /// Measures and prints.
    ///
    /// @param arguments see the usage line
    /// @throws IOException if a file cannot be read or the peer not be started
    /// @throws InterruptedException if the thread is interrupted meanwhile
    public static void main(String[] arguments) throws IOException, InterruptedException {
        var job = Job.of(arguments);
        var peer = TransformersPeer.find();
        var prompt = job.prompt();
        var figures = new ArrayList<SpeedFigure>();
        System.out.println(Machine.here().line());
        for (var turn = 1; turn <= job.turns(); turn++) {
            for (var figure : turn(job, prompt, peer, turn % 2 == 0)) {
                figures.add(figure);
                System.out.println("turn " + turn + ": " + figure.line());
            }
        }
        System.out.print(summary(figures));
    }

    private static List<SpeedFigure> turn(Job job, String prompt, TransformersPeer peer, boolean passive)
            throws IOException, InterruptedException {
        var all = new ArrayList<SpeedFigure>();
        all.add(ours(job, prompt));
        all.addAll(peer.measure(job, passive));
        return all;
    }

    private static SpeedFigure ours(Job job, String prompt) {
        try (var model = LanguageModel.open(job.model());
                var tokenizer = model.tokenizer();
                var torch = TorchDecoder.load(model, TorchDecoder.Residency.RESIDENT);
                var row = RowDecoder.of(model)) {
            var speed = SpeedMeter.measure(torch, row, tokenizer.encodeWithSpecials(prompt), job.decode(), ROUNDS);
            return new SpeedFigure(
                    SpeedFigure.LOWRANK,
                    speed.promptTokens(),
                    speed.prefillTokensPerSecond(),
                    speed.decodeTokensPerSecond());
        }
    }

    /// The best of each side, and how many times faster this one is.
    static String summary(List<SpeedFigure> figures) {
        var ours = best(figures, SpeedFigure.LOWRANK);
        var text = new StringBuilder("best of all turns\n")
                .append("  ")
                .append(ours.line())
                .append('\n');
        figures.stream()
                .map(SpeedFigure::who)
                .distinct()
                .filter(who -> !who.equals(SpeedFigure.LOWRANK))
                .forEach(who -> {
                    var peer = best(figures, who);
                    text.append("  ").append(peer.line()).append('\n');
                    text.append(String.format(
                            Locale.ROOT,
                            "  ratio to it: prefill %.2f, decode %.2f%n",
                            ours.prefill() / peer.prefill(),
                            ours.decode() / peer.decode()));
                    if (ours.promptTokens() != peer.promptTokens()) {
                        text.append("  (prompts differ in tokens, so these ratios do not compare)\n");
                    }
                });
        return text.toString();
    }

    private static SpeedFigure best(List<SpeedFigure> figures, String who) {
        return figures.stream()
                .filter(figure -> figure.who().equals(who))
                .reduce(SpeedFigure::best)
                .orElseThrow(() -> new IllegalArgumentException("There are no figures of " + who));
    }
}
