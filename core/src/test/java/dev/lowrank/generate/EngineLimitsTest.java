package dev.lowrank.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.generate.GenerationException.Code;
import dev.lowrank.model.DecoderSpec;
import dev.lowrank.model.KvCache;
import dev.lowrank.model.SamplingOptions;
import dev.lowrank.tensor.DType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/// What the engine does when there is too much, too long, broken or over.
class EngineLimitsTest {
    private static final String PROMPT = "import os\n\ndef read_file(path):\n    with open(";

    private static void eventually(BooleanSupplier condition) throws InterruptedException {
        for (var i = 0; i < 200 && !condition.getAsBoolean(); i++) {
            Thread.sleep(10);
        }
        assertThat(condition.getAsBoolean()).isTrue();
    }

    private static DecoderSpec pocketSpec() {
        try (var pocket = PocketEngine.of(PocketEngine.OPTIONS)) {
            return pocket.model().spec();
        }
    }

    private static PocketEngine slow(EngineOptions options) {
        return PocketEngine.of(options, model -> new PocketEngine.Passing(model) {
            @Override
            public float[][] step(int[] tokens, List<KvCache> caches) {
                try {
                    Thread.sleep(5);
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                return super.step(tokens, caches);
            }
        });
    }

    @Test
    void whatIsKeptServesItsOwnerAlone() throws Exception {
        try (var pocket = PocketEngine.of(PocketEngine.OPTIONS)) {
            var prompt = pocket.tokens(PROMPT.repeat(3));
            var first = Collected.submit(pocket.engine(), GenerationRequest.greedy("alice", prompt, 16));
            assertThat(first.usage().cachedTokens()).isZero();
            var other = Collected.submit(pocket.engine(), GenerationRequest.greedy("bob", prompt, 16));
            assertThat(other.usage().cachedTokens()).isZero();
            var again = Collected.submit(pocket.engine(), GenerationRequest.greedy("alice", prompt, 16));
            assertThat(again.usage().cachedTokens()).isEqualTo(prompt.length - 1);
            assertThat(again.text()).isEqualTo(first.text());
            var goesOn = pocket.tokens(PROMPT.repeat(3) + first.text() + "\n    # and so on");
            var continued = Collected.submit(pocket.engine(), GenerationRequest.greedy("alice", goesOn, 4));
            assertThat(continued.usage().cachedTokens()).isGreaterThanOrEqualTo(prompt.length - 1);
            assertThat(other.text()).isEqualTo(first.text());
        }
    }

    @Test
    void keptCachesStayWithinTheMemory() throws Exception {
        var room = SequenceCache.bytes(pocketSpec(), DType.F32, 300);
        try (var pocket = PocketEngine.of(new EngineOptions(2, 8, 1024, 64, room, DType.F32))) {
            for (var i = 0; i < 8; i++) {
                var prompt = pocket.tokens(("text number " + i + "\n").repeat(12));
                Collected.submit(pocket.engine(), GenerationRequest.greedy("a", prompt, 8))
                        .usage();
                eventually(() -> pocket.engine().report().reservedBytes() == 0);
                assertThat(pocket.engine().report().keptBytes()).isLessThanOrEqualTo(room);
            }
            assertThat(pocket.engine().report().keptBytes()).isPositive();
            var prompt = pocket.tokens("too long\n".repeat(100));
            assertThatThrownBy(() -> Collected.submit(pocket.engine(), GenerationRequest.greedy("a", prompt, 100)))
                    .isInstanceOfSatisfying(
                            GenerationException.class,
                            refused -> assertThat(refused.code()).isEqualTo(Code.TOO_LARGE));
        }
    }

    @Test
    void aFullQueueRefuses() throws Exception {
        try (var pocket = slow(new EngineOptions(1, 2, 1024, 64, 100_000_000, DType.F32))) {
            var taken = new ArrayList<Collected>();
            var refused = 0;
            for (var i = 0; i < 6; i++) {
                try {
                    taken.add(Collected.submit(
                            pocket.engine(), GenerationRequest.greedy("a", pocket.tokens(PROMPT), 60)));
                    if (i == 0) {
                        taken.getFirst().begun.await(10, TimeUnit.SECONDS);
                    }
                } catch (GenerationException full) {
                    assertThat(full.code()).isEqualTo(Code.QUEUE_FULL);
                    refused++;
                }
            }
            assertThat(refused).isEqualTo(3);
            for (var request : taken) {
                assertThat(request.usage().newTokens()).isEqualTo(60);
            }
        }
    }

    @Test
    void aCancelledRequestStopsWithinATokenAndFreesItsMemory() throws Exception {
        try (var pocket = slow(PocketEngine.OPTIONS)) {
            var collected = new Collected();
            var ticket = pocket.engine()
                    .submit(List.of(new Engine.Submission(
                            GenerationRequest.greedy("a", pocket.tokens(PROMPT), 900), collected)));
            assertThat(collected.begun.await(10, TimeUnit.SECONDS)).isTrue();
            ticket.cancel();
            var pieces = collected.pieces.get();
            eventually(() -> pocket.engine().report().running() == 0
                    && pocket.engine().report().reservedBytes() == 0);
            assertThat(collected.pieces.get()).isLessThanOrEqualTo(pieces + 1);
            assertThat(collected.isDone()).isFalse();
        }
    }

    @Test
    void aWaitingRequestCanBeCancelled() throws Exception {
        try (var pocket = slow(new EngineOptions(1, 4, 1024, 64, 100_000_000, DType.F32))) {
            var running = Collected.submit(pocket.engine(), GenerationRequest.greedy("a", pocket.tokens(PROMPT), 100));
            var collected = new Collected();
            var ticket = pocket.engine()
                    .submit(List.of(new Engine.Submission(
                            GenerationRequest.greedy("a", pocket.tokens(PROMPT), 100), collected)));
            ticket.cancel();
            eventually(() -> pocket.engine().report().queued() == 0);
            assertThat(running.usage().newTokens()).isEqualTo(100);
            assertThat(collected.pieces.get()).isZero();
        }
    }

    @Test
    void aFailingRequestFailsAlone() throws Exception {
        try (var pocket = PocketEngine.of(PocketEngine.OPTIONS, model -> new Cursed(model))) {
            assertThat(pocket.tokens("~")).containsExactly(Cursed.BAD);
            var good = Collected.submit(pocket.engine(), GenerationRequest.greedy("a", pocket.tokens(PROMPT), 120));
            assertThat(good.begun.await(10, TimeUnit.SECONDS)).isTrue();
            var cursed = Collected.submit(
                    pocket.engine(), GenerationRequest.greedy("a", new int[] {5, 6, Cursed.BAD, 7}, 10));
            assertThatThrownBy(cursed::usage)
                    .isInstanceOfSatisfying(
                            GenerationException.class,
                            failure -> assertThat(failure.code()).isEqualTo(Code.OUT_OF_MEMORY));
            assertThat(pocket.engine().report().failuresInRow()).isEqualTo(1);
            try (var whole = PocketEngine.of(PocketEngine.OPTIONS)) {
                var expected =
                        Collected.submit(whole.engine(), GenerationRequest.greedy("a", whole.tokens(PROMPT), 120));
                assertThat(good.text()).isEqualTo(expected.text());
            }
            assertThat(pocket.engine().report().failuresInRow()).isZero();
            assertThat(pocket.engine().report().reservedBytes()).isZero();
        }
    }

    /// Runs out of memory at one token.
    private static final class Cursed extends PocketEngine.Passing {
        private static final int BAD = 94;

        Cursed(BatchModel behind) {
            super(behind);
        }

        @Override
        public float[][] step(int[] tokens, List<KvCache> caches) {
            if (Arrays.stream(tokens).anyMatch(token -> token == BAD)) {
                // As a native failure would, in the middle of the batch.
                caches.getFirst().advanceTo(caches.getFirst().length() + 1);
                throw new OutOfMemoryError("cursed");
            }
            return super.step(tokens, caches);
        }
    }

    @Test
    void aBrokenConstraintFailsItsRequest() throws Exception {
        try (var pocket = PocketEngine.of(PocketEngine.OPTIONS)) {
            var request = GenerationRequest.greedy("a", pocket.tokens(PROMPT), 4);
            var failing = Collected.submit(pocket.engine(), request.with(() -> {
                throw new IllegalStateException("no constraint");
            }));
            assertThatThrownBy(failing::usage).hasMessageContaining("no constraint");
            assertThat(Collected.submit(pocket.engine(), request).usage().newTokens())
                    .isEqualTo(4);
        }
    }

    /// Allows everything, and fails at its third token.
    private static final class Failing implements TokenConstraint {
        private final int tokens;
        private int accepted;

        Failing(int tokens) {
            this.tokens = tokens;
        }

        @Override
        public void allowed(BitSet allowed) {
            allowed.set(0, tokens);
        }

        @Override
        public void accept(int token) {
            if (++accepted == 3) {
                throw new IllegalStateException("no third token");
            }
        }

        @Override
        public boolean complete() {
            return false;
        }
    }

    @Test
    void aConstraintThatFailsOnTheWayFailsItsRequestAlone() throws Exception {
        try (var pocket = slow(PocketEngine.OPTIONS)) {
            var spec = pocket.model().spec();
            var sampled = new SamplingOptions(0.8, 0, 1, 1, 7);
            var request =
                    GenerationRequest.greedy("a", pocket.tokens(PROMPT), 24).with(sampled, 1);
            var alone = Collected.submit(pocket.engine(), request);
            alone.usage();
            var first = Collected.submit(pocket.engine(), request);
            var failing = Collected.submit(pocket.engine(), request.with(() -> new Failing(spec.vocabSize())));
            var last = Collected.submit(pocket.engine(), request);
            assertThatThrownBy(failing::usage).hasMessageContaining("no third token");
            assertThat(first.usage().newTokens()).isEqualTo(alone.usage().newTokens());
            last.usage();
            assertThat(first.text()).isEqualTo(alone.text());
            assertThat(last.text()).isEqualTo(alone.text());
            eventually(() -> pocket.engine().report().reservedBytes() == 0);
        }
    }

    @Test
    void aListenerThatThrowsHarmsNobodyElse() throws Exception {
        try (var pocket = slow(PocketEngine.OPTIONS)) {
            var sampled = new SamplingOptions(0.8, 0, 1, 1, 7);
            var request =
                    GenerationRequest.greedy("a", pocket.tokens(PROMPT), 24).with(sampled, 1);
            var alone = Collected.submit(pocket.engine(), request);
            alone.usage();
            pocket.engine().submit(List.of(new Engine.Submission(request, _ -> {
                throw new IllegalStateException("deaf");
            })));
            var other = Collected.submit(pocket.engine(), request);
            other.usage();
            assertThat(other.text()).isEqualTo(alone.text());
            eventually(() -> pocket.engine().report().reservedBytes() == 0);
        }
    }

    @Test
    void closingFinishesWhatRunsAndRefusesTheRest() throws Exception {
        var pocket = slow(new EngineOptions(1, 4, 1024, 64, 100_000_000, DType.F32));
        var running = Collected.submit(pocket.engine(), GenerationRequest.greedy("a", pocket.tokens(PROMPT), 20));
        pocket.engine().close(Duration.ofSeconds(20));
        assertThat(running.usage().newTokens()).isEqualTo(20);
        assertThatThrownBy(() ->
                        Collected.submit(pocket.engine(), GenerationRequest.greedy("a", pocket.tokens(PROMPT), 20)))
                .hasMessageContaining("shutting down");
        pocket.close();
    }

    @Test
    void closingAtOnceTellsThoseThatRun() throws Exception {
        var pocket = slow(PocketEngine.OPTIONS);
        var running = Collected.submit(pocket.engine(), GenerationRequest.greedy("a", pocket.tokens(PROMPT), 900));
        assertThat(running.begun.await(10, TimeUnit.SECONDS)).isTrue();
        pocket.close();
        assertThatThrownBy(running::usage)
                .isInstanceOfSatisfying(
                        GenerationException.class,
                        failure -> assertThat(failure.code()).isEqualTo(Code.CLOSED));
    }

    @Test
    void aModelThatCannotBeOpenedIsTold() {
        try (var pocket = PocketEngine.of(PocketEngine.OPTIONS)) {
            assertThatThrownBy(() -> Engine.start(
                            "none",
                            () -> {
                                throw new IllegalArgumentException("no such model");
                            },
                            pocket.tokenizer(),
                            PocketEngine.OPTIONS))
                    .hasRootCauseMessage("no such model");
        }
    }

    @Test
    void manyThreadsMaySubmitAtOnce() throws Exception {
        try (var pocket = PocketEngine.of(new EngineOptions(16, 1000, 1024, 64, 500_000_000, DType.F32))) {
            var requests = 64;
            var all = new ArrayList<Collected>();
            var ready = new CountDownLatch(requests);
            for (var i = 0; i < requests; i++) {
                var collected = new Collected();
                all.add(collected);
                var prompt = pocket.tokens("number " + i);
                Thread.ofVirtual().start(() -> {
                    pocket.engine()
                            .submit(List.of(
                                    new Engine.Submission(GenerationRequest.greedy("a", prompt, 8), collected)));
                    ready.countDown();
                });
            }
            assertThat(ready.await(20, TimeUnit.SECONDS)).isTrue();
            for (var collected : all) {
                assertThat(collected.usage().newTokens()).isBetween(1, 8);
            }
            var report = pocket.engine().report();
            assertThat(report.stepRows()).isGreaterThan(2 * report.steps());
        }
    }
}
