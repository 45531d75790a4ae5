package dev.lowrank.generate;

import dev.lowrank.generate.GenerationEvent.Completed;
import dev.lowrank.generate.GenerationEvent.Ended;
import dev.lowrank.generate.GenerationEvent.Failed;
import dev.lowrank.generate.GenerationEvent.Finish;
import dev.lowrank.generate.GenerationEvent.Piece;
import dev.lowrank.generate.GenerationEvent.PromptScored;
import dev.lowrank.generate.GenerationEvent.Usage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/// All that came of one request.
final class Collected implements Consumer<GenerationEvent> {
    final Map<Integer, StringBuilder> texts = new TreeMap<>();
    final Map<Integer, Finish> finishes = new TreeMap<>();
    final List<TokenScore> promptScores = new ArrayList<>();
    final List<TokenScore> scores = new ArrayList<>();
    final CountDownLatch begun = new CountDownLatch(1);
    final AtomicInteger pieces = new AtomicInteger();
    private final CompletableFuture<Usage> done = new CompletableFuture<>();

    static Collected submit(Engine engine, GenerationRequest request) {
        var collected = new Collected();
        engine.submit(List.of(new Engine.Submission(request, collected)));
        return collected;
    }

    @Override
    public void accept(GenerationEvent event) {
        switch (event) {
            case PromptScored(var tokens) -> promptScores.addAll(tokens);
            case Piece(var choice, var text, var tokens) -> {
                pieces.incrementAndGet();
                texts.computeIfAbsent(choice, _ -> new StringBuilder()).append(text);
                scores.addAll(tokens);
                begun.countDown();
            }
            case Ended(var choice, var finish) -> finishes.put(choice, finish);
            case Completed(var usage) -> done.complete(usage);
            case Failed(var cause) -> done.completeExceptionally(cause);
        }
    }

    Usage usage() throws InterruptedException, TimeoutException {
        try {
            return done.get(60, TimeUnit.SECONDS);
        } catch (ExecutionException failure) {
            throw (GenerationException) failure.getCause();
        }
    }

    String text() throws InterruptedException, TimeoutException {
        usage();
        return texts.getOrDefault(0, new StringBuilder()).toString();
    }

    boolean isDone() {
        return done.isDone();
    }
}
