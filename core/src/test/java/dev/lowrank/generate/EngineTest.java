package dev.lowrank.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.generate.GenerationEvent.Finish;
import dev.lowrank.generate.GenerationRequest.Scoring;
import dev.lowrank.model.Generator;
import dev.lowrank.model.RowDecoder;
import dev.lowrank.model.SamplingOptions;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// What comes out of the engine, with the pocket model.
class EngineTest {
    private static final String PROMPT = "import os\n\ndef read_file(path):\n    with open(";

    private static PocketEngine pocket;

    @BeforeAll
    static void open() {
        pocket = PocketEngine.of(PocketEngine.OPTIONS);
    }

    @AfterAll
    static void close() {
        pocket.close();
    }

    private static GenerationRequest greedy(String prompt, int most) {
        return GenerationRequest.greedy("a", pocket.tokens(prompt), most);
    }

    private static Collected run(GenerationRequest request) {
        return Collected.submit(pocket.engine(), request);
    }

    @Test
    void aRequestGetsWhatTheGeneratorMakes() throws Exception {
        try (var decoder = RowDecoder.of(pocket.model(), 1)) {
            var made = Generator.of(decoder, pocket.tokenizer())
                    .generate(new Generator.Request(pocket.tokens(PROMPT), 24, SamplingOptions.greedy()));
            var collected = run(greedy(PROMPT, 24));
            assertThat(collected.text()).isEqualTo(made.text());
            assertThat(collected.finishes).containsEntry(0, Finish.MAX_TOKENS);
            var usage = collected.usage();
            assertThat(usage.promptTokens()).isEqualTo(made.promptTokens());
            assertThat(usage.newTokens()).isEqualTo(24);
        }
    }

    @Test
    void requestsThatRunTogetherGetWhatTheyGetAlone() throws Exception {
        var prompts = List.of("def add(a, b):", "class Tree:\n    def", "import sys\n", PROMPT, "x = [1, 2", "# The");
        var alone = new ArrayList<String>();
        for (var prompt : prompts) {
            alone.add(run(greedy(prompt, 20)).text());
        }
        var together = prompts.stream().map(prompt -> run(greedy(prompt, 20))).toList();
        for (var i = 0; i < prompts.size(); i++) {
            assertThat(together.get(i).text()).isEqualTo(alone.get(i));
        }
    }

    @Test
    void aLongPromptIsReadBesideRunningRequests() throws Exception {
        var running = run(greedy(PROMPT, 200));
        var long1 = run(greedy("value = 1\n".repeat(150), 8));
        assertThat(long1.usage().promptTokens()).isGreaterThan(400);
        assertThat(running.usage().newTokens()).isEqualTo(200);
        assertThat(long1.text()).contains("value = 1");
    }

    @Test
    void choicesDrawWithSeedsOfTheirOwn() throws Exception {
        var sampling = SamplingOptions.sampled(7);
        var three = run(greedy(PROMPT, 16).with(sampling, 3));
        three.usage();
        assertThat(three.texts).hasSize(3);
        for (var i = 0; i < 3; i++) {
            var single = run(greedy(PROMPT, 16).with(SamplingOptions.sampled(7 + i), 1));
            assertThat(three.texts.get(i).toString()).isEqualTo(single.text());
        }
        assertThat(three.texts.get(0).toString())
                .isNotEqualTo(three.texts.get(1).toString());
        assertThat(three.usage().newTokens()).isEqualTo(48);
    }

    @Test
    void promptScoresAreTheModelsOwn() throws Exception {
        var tokens = pocket.tokens(PROMPT.repeat(6));
        var scored = run(GenerationRequest.greedy("a", tokens, 1).with(new Scoring(true, true, 2)));
        scored.usage();
        var expected = logProbabilities(tokens);
        assertThat(scored.promptScores).hasSize(tokens.length - 1);
        for (var i = 0; i < tokens.length - 1; i++) {
            var score = scored.promptScores.get(i);
            assertThat(score.token()).isEqualTo(tokens[i + 1]);
            assertThat(score.logProbability()).isCloseTo(expected[i][tokens[i + 1]], within(1e-3));
            assertThat(score.top()).hasSize(2);
            var best = Arrays.stream(expected[i]).max();
            assertThat(score.top().getFirst().logProbability()).isCloseTo(best.orElseThrow(), within(1e-3));
            assertThat(score.top().get(0).logProbability())
                    .isGreaterThanOrEqualTo(score.top().get(1).logProbability());
        }
        assertThat(scored.scores).hasSize(1);
        assertThat(scored.scores.getFirst().logProbability())
                .isCloseTo(scored.scores.getFirst().top().getFirst().logProbability(), within(1e-12));
    }

    private static double[][] logProbabilities(int[] tokens) {
        try (var decoder = TorchDecoder.load(pocket.model(), TorchDecoder.Residency.RESIDENT)) {
            var flat = TensorScope.tidy(() -> decoder.logits(List.of(tokens)).toFloats());
            var vocab = flat.length / tokens.length;
            var all = new double[tokens.length][vocab];
            for (var i = 0; i < tokens.length; i++) {
                var sum = 0.0;
                for (var t = 0; t < vocab; t++) {
                    sum += Math.exp(flat[i * vocab + t]);
                }
                for (var t = 0; t < vocab; t++) {
                    all[i][t] = flat[i * vocab + t] - Math.log(sum);
                }
            }
            return all;
        }
    }

    @Test
    void aShortPromptIsScoredLikeALongOne() throws Exception {
        var tokens = pocket.tokens(PROMPT);
        var longer = pocket.tokens(PROMPT + "path, 'r') as file:\n        return file.read()\n");
        var first =
                run(GenerationRequest.greedy("a", Arrays.copyOf(longer, 12), 0).with(new Scoring(false, true, 0)));
        var whole = run(GenerationRequest.greedy("a", longer, 0).with(new Scoring(false, true, 0)));
        first.usage();
        whole.usage();
        assertThat(tokens.length).isGreaterThan(5);
        assertThat(first.promptScores).hasSize(11);
        for (var i = 0; i < 11; i++) {
            assertThat(first.promptScores.get(i).logProbability())
                    .isCloseTo(whole.promptScores.get(i).logProbability(), within(1e-3));
        }
        assertThat(whole.texts).isEmpty();
        assertThat(whole.usage().newTokens()).isZero();
    }

    @Test
    void aStopEndsTheTextBeforeIt() throws Exception {
        var whole = run(greedy(PROMPT, 40)).text();
        var stop = whole.substring(9, 14);
        var stopped = run(greedy(PROMPT, 40).with(List.of("never said", stop)).with(new Scoring(true, false, 0)));
        assertThat(stopped.text()).isEqualTo(whole.substring(0, whole.indexOf(stop)));
        assertThat(stopped.finishes).containsEntry(0, Finish.STOP);
        assertThat(stopped.scores.size()).isLessThan(stopped.usage().newTokens() + 1);
    }

    @Test
    void whatMayBeginAStopIsGivenOutWhenItDoesNot() throws Exception {
        var whole = run(greedy(PROMPT, 12)).text();
        var almost = whole.substring(whole.length() - 3) + "\u0001";
        assertThat(run(greedy(PROMPT, 12).with(List.of(almost))).text()).isEqualTo(whole);
    }

    @Test
    void aConstraintIsKept() throws Exception {
        var digits = new BitSet();
        for (var digit = 0; digit < 10; digit++) {
            digits.set(pocket.tokens("" + digit)[0]);
        }
        var collected = run(greedy("x = ", 30).with(() -> new TokenConstraint() {
            private int count;

            @Override
            public void allowed(BitSet tokens) {
                tokens.clear();
                if (count < 5) {
                    tokens.or(digits);
                }
            }

            @Override
            public void accept(int token) {
                count++;
            }

            @Override
            public boolean complete() {
                return count >= 5;
            }
        }));
        assertThat(collected.text()).matches("[0-9]{5}");
        assertThat(collected.finishes).containsEntry(0, Finish.END_OF_TEXT);
    }

    @Test
    void biasForcesAndForbids() throws Exception {
        var forced = pocket.tokens("Z")[0];
        var request = greedy(PROMPT, 4);
        var biased = new GenerationRequest(
                "a",
                request.prompt(),
                4,
                1,
                SamplingOptions.greedy(),
                new GenerationRequest.Bias(Map.of(forced, 100f), 0, 0),
                Scoring.NONE,
                List.of(),
                null);
        assertThat(run(biased).text()).isEqualTo("ZZZZ");
        var varied = new GenerationRequest(
                "a",
                request.prompt(),
                4,
                1,
                SamplingOptions.greedy(),
                new GenerationRequest.Bias(Map.of(forced, 100f), 0, 150),
                Scoring.NONE,
                List.of(),
                null);
        assertThat(run(varied).text()).startsWith("Z").doesNotContain("ZZ");
    }
}
