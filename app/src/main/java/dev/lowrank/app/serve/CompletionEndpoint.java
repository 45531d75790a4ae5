package dev.lowrank.app.serve;

import dev.lowrank.generate.GenerationEvent.Completed;
import dev.lowrank.generate.GenerationEvent.Ended;
import dev.lowrank.generate.GenerationEvent.Failed;
import dev.lowrank.generate.GenerationEvent.Piece;
import dev.lowrank.generate.GenerationEvent.PromptScored;
import dev.lowrank.generate.GenerationRequest;
import dev.lowrank.generate.GenerationRequest.Scoring;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/// `POST /v1/completions`.
final class CompletionEndpoint implements Endpoint {
    private static final int MOST_TOP = 20;
    private static final int DEFAULT_TOKENS = 16;

    private final ModelShelf shelf;
    private final int parallel;
    private final Duration timeout;

    CompletionEndpoint(ModelShelf shelf, int parallel, Duration timeout) {
        this.shelf = shelf;
        this.parallel = parallel;
        this.timeout = timeout;
    }

    @Override
    public void handle(Exchange exchange, String owner) {
        var fields = exchange.body();
        try (var lease = Models.lease(shelf, exchange, fields)) {
            var model = lease.model();
            var wanted = Wanted.read(fields, model, parallel);
            if (fields.has("suffix")) {
                throw ApiException.unsupported("suffix", "Text cannot be filled in before a suffix");
            }
            var echo = fields.flag("echo");
            var top = fields.integer("logprobs", 0, MOST_TOP);
            var scoring = new Scoring(top.isPresent(), top.isPresent() && echo, top.orElse(0));
            var most = fields.integer("max_tokens", 0, Integer.MAX_VALUE).orElse(DEFAULT_TOKENS);
            var engine = model.engine();
            var requests = new ArrayList<GenerationRequest>();
            for (var prompt : Prompts.read(fields, model)) {
                var room = Wanted.room(model, "prompt", prompt.length, most);
                requests.add(wanted.request(owner, prompt, room, scoring));
            }
            try (var answer = Answer.to(exchange, engine, requests, timeout)) {
                var writing = new Writing(exchange, model, new Reply("cmpl-", "text_completion", lease.id()), requests);
                if (echo) {
                    writing.echo();
                }
                if (wanted.stream()) {
                    writing.stream(answer, wanted.usage());
                } else {
                    writing.whole(answer);
                }
            }
        }
    }

    /// One choice of one prompt.
    private static final class Choice {
        private final int index;
        private final LegacyScores scores;
        private final StringBuilder text = new StringBuilder();
        private String reason = "stop";

        Choice(int index, ServedModel model) {
            this.index = index;
            this.scores = new LegacyScores(model.tokenizer());
        }
    }

    /// The answer to all prompts.
    private static final class Writing {
        private final Exchange exchange;
        private final ServedModel model;
        private final Reply reply;
        private final List<GenerationRequest> requests;
        private final int perPrompt;
        private final boolean scored;
        private final List<Choice> choices = new ArrayList<>();

        Writing(Exchange exchange, ServedModel model, Reply reply, List<GenerationRequest> requests) {
            this.exchange = exchange;
            this.model = model;
            this.reply = reply;
            this.requests = requests;
            perPrompt = requests.getFirst().choices();
            scored = requests.getFirst().scoring().chosen();
            for (var i = 0; i < requests.size() * perPrompt; i++) {
                choices.add(new Choice(i, model));
            }
        }

        /// Every choice begins with its prompt.
        void echo() {
            for (var choice : choices) {
                var prompt = requests.get(choice.index / perPrompt).prompt();
                choice.text.append(model.tokenizer().decode(prompt));
                if (scored) {
                    choice.scores.first(prompt[0]);
                }
            }
        }

        /// @return the choice that changed, for a stream; -1 for none
        private int take(Answer.Told told) {
            var first = told.prompt() * perPrompt;
            return switch (told.event()) {
                case PromptScored(var tokens) -> {
                    for (var i = first; i < first + perPrompt; i++) {
                        tokens.forEach(choices.get(i).scores::add);
                    }
                    yield -1;
                }
                case Piece(var choice, var text, var tokens) -> {
                    var own = choices.get(first + choice);
                    own.text.append(text);
                    tokens.forEach(own.scores::add);
                    yield own.index;
                }
                case Ended(var choice, var finish) -> {
                    choices.get(first + choice).reason = Reply.reason(finish);
                    yield first + choice;
                }
                case Completed(var usage) -> {
                    reply.add(usage);
                    yield -1;
                }
                case Failed _ -> -1;
            };
        }

        void whole(Answer answer) {
            for (var open = requests.size(); open > 0; ) {
                var told = answer.next();
                take(told);
                open -= told.event() instanceof Completed ? 1 : 0;
            }
            var document = reply.document();
            var list = document.putArray("choices");
            for (var choice : choices) {
                list.add(entry(choice).put("finish_reason", choice.reason));
            }
            reply.send(exchange, document);
        }

        void stream(Answer answer, boolean usage) {
            var open = requests.size();
            while (open > 0) {
                var told = answer.next();
                if (!exchange.isStream()) {
                    exchange.beginStream();
                }
                var changed = take(told);
                if (changed >= 0) {
                    send(choices.get(changed), told.event() instanceof Ended);
                }
                open -= told.event() instanceof Completed ? 1 : 0;
            }
            reply.end(exchange, usage ? reply.document() : null);
        }

        private void send(Choice choice, boolean ended) {
            var document = reply.document();
            var entry = entry(choice);
            if (ended) {
                entry.put("finish_reason", choice.reason);
            } else {
                entry.putNull("finish_reason");
            }
            document.putArray("choices").add(entry);
            choice.text.setLength(0);
            exchange.event(document);
        }

        private ObjectNode entry(Choice choice) {
            var entry = Body.object().put("index", choice.index).put("text", choice.text.toString());
            if (scored) {
                entry.set("logprobs", choice.scores.take());
            } else {
                entry.putNull("logprobs");
            }
            return entry;
        }
    }
}
