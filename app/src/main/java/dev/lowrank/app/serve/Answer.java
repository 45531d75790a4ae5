package dev.lowrank.app.serve;

import dev.lowrank.generate.Engine;
import dev.lowrank.generate.GenerationEvent;
import dev.lowrank.generate.GenerationEvent.Failed;
import dev.lowrank.generate.GenerationException;
import dev.lowrank.generate.GenerationRequest;
import dev.lowrank.generate.Ticket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/// Waits for what becomes of a request's prompts. When the client goes away or time is over, closing it
/// takes everything back within a token.
final class Answer implements AutoCloseable {
    /// How often the client is looked after.
    private static final long LOOK_MILLIS = 100;

    private final Exchange exchange;
    private final BlockingQueue<Told> events = new LinkedBlockingQueue<>();
    private final Ticket ticket;
    private final long deadline;

    private Answer(Exchange exchange, Engine engine, List<GenerationRequest> requests, Duration timeout) {
        this.exchange = exchange;
        deadline = System.nanoTime() + timeout.toNanos();
        var submissions = new ArrayList<Engine.Submission>();
        for (var i = 0; i < requests.size(); i++) {
            var prompt = i;
            submissions.add(new Engine.Submission(requests.get(i), event -> events.add(new Told(prompt, event))));
        }
        exchange.connection().watch();
        ticket = engine.submit(submissions);
    }

    /// What one prompt was told.
    record Told(int prompt, GenerationEvent event) {}

    /// Submits a request's prompts.
    ///
    /// @throws ApiException 429 or 503
    static Answer to(Exchange exchange, Engine engine, List<GenerationRequest> requests, Duration timeout) {
        try {
            return new Answer(exchange, engine, requests, timeout);
        } catch (GenerationException refused) {
            throw refusal(refused);
        }
    }

    /// What comes next.
    ///
    /// @throws ApiException if the request failed or time is over
    /// @throws ClientGoneException if nobody waits any more
    Told next() {
        while (true) {
            Told told;
            try {
                told = events.poll(LOOK_MILLIS, TimeUnit.MILLISECONDS);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
                throw ApiException.unavailable("shutting_down", "The server is shutting down");
            }
            if (exchange.connection().isGone()) {
                throw new ClientGoneException();
            }
            if (System.nanoTime() - deadline > 0) {
                throw ApiException.timedOut();
            }
            if (told != null) {
                if (told.event() instanceof Failed(var cause)) {
                    throw refusal(cause);
                }
                return told;
            }
        }
    }

    private static ApiException refusal(GenerationException cause) {
        var message = String.valueOf(cause.getMessage());
        return switch (cause.code()) {
            case QUEUE_FULL -> ApiException.busy(message);
            case TOO_LARGE -> ApiException.bad(null, message);
            case CLOSED -> ApiException.unavailable("shutting_down", message);
            case OUT_OF_MEMORY -> ApiException.unavailable("out_of_memory", message);
            case MODEL_FAILED -> ApiException.failed("The model failed on this request");
        };
    }

    @Override
    public void close() {
        ticket.cancel();
    }
}
