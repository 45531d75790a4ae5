package dev.lowrank.app.serve;

import dev.lowrank.generate.GenerationEvent.Completed;
import dev.lowrank.generate.GenerationEvent.Ended;
import dev.lowrank.generate.GenerationEvent.Failed;
import dev.lowrank.generate.GenerationEvent.Piece;
import dev.lowrank.generate.GenerationEvent.PromptScored;
import dev.lowrank.generate.GenerationRequest;
import dev.lowrank.generate.GenerationRequest.Scoring;
import dev.lowrank.generate.TokenScore;
import dev.lowrank.text.TextException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// `POST /v1/chat/completions`.
final class ChatEndpoint implements Endpoint {
    private static final int MOST_TOP = 20;

    private final ModelShelf shelf;
    private final int parallel;
    private final Duration timeout;

    ChatEndpoint(ModelShelf shelf, int parallel, Duration timeout) {
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
            var scoring = scoring(fields);
            var asked = fields.integer("max_completion_tokens", 1, Integer.MAX_VALUE)
                    .or(() -> fields.integer("max_tokens", 1, Integer.MAX_VALUE))
                    .orElse(null);
            var engine = model.engine();
            var prompt = prompt(fields, model);
            var room = Wanted.room(model, "messages", prompt.length, asked);
            var request = wanted.request(owner, prompt, room, scoring);
            try (var answer = Answer.to(exchange, engine, List.of(request), timeout)) {
                var talk = new Talk(exchange, model, lease.id(), request);
                if (wanted.stream()) {
                    talk.stream(answer, wanted.usage());
                } else {
                    talk.whole(answer);
                }
            }
        }
    }

    private static Scoring scoring(Fields fields) {
        var told = fields.flag("logprobs");
        var top = fields.integer("top_logprobs", 0, MOST_TOP);
        if (top.isPresent() && !told) {
            throw ApiException.bad("top_logprobs", "'top_logprobs' needs 'logprobs' to be true");
        }
        return new Scoring(told, false, top.orElse(0));
    }

    /// The tokens of a conversation.
    static int[] prompt(Fields fields, ServedModel model) {
        var messages = ChatMessages.read(fields);
        var tokenizer = model.tokenizer();
        if (tokenizer.chatTemplate().isEmpty()) {
            throw ApiException.bad(
                    "model",
                    "This model has no chat template: it continues texts, at /v1/completions, and cannot talk");
        }
        var length = messages.stream()
                .mapToInt(message -> message.content().length())
                .sum();
        try {
            // The length alone decides where the work is done.
            return model.tokens("messages", length, () -> tokenizer.encodeChat(messages, true));
        } catch (TextException refused) {
            throw ApiException.bad("messages", "The chat template refuses the messages: " + refused.getMessage());
        }
    }

    /// One answer on its way to the client.
    private static final class Talk {
        private final Exchange exchange;
        private final ServedModel model;
        private final GenerationRequest request;
        private final Reply reply;

        Talk(Exchange exchange, ServedModel model, String id, GenerationRequest request) {
            this.exchange = exchange;
            this.model = model;
            this.request = request;
            reply = new Reply("chatcmpl-", "chat.completion", id);
        }

        void whole(Answer answer) {
            var texts = new ArrayList<StringBuilder>();
            var scores = new ArrayList<List<TokenScore>>();
            var reasons = new String[request.choices()];
            for (var i = 0; i < request.choices(); i++) {
                texts.add(new StringBuilder());
                scores.add(new ArrayList<>());
            }
            for (var open = true; open; ) {
                switch (answer.next().event()) {
                    case PromptScored _, Failed _ -> {}
                    case Piece(var choice, var text, var tokens) -> {
                        texts.get(choice).append(text);
                        scores.get(choice).addAll(tokens);
                    }
                    case Ended(var choice, var finish) -> reasons[choice] = Reply.reason(finish);
                    case Completed(var usage) -> {
                        reply.add(usage);
                        open = false;
                    }
                }
            }
            var document = reply.document();
            var choices = document.putArray("choices");
            for (var i = 0; i < request.choices(); i++) {
                var choice = choices.addObject().put("index", i);
                choice.putObject("message")
                        .put("role", "assistant")
                        .put("content", texts.get(i).toString())
                        .putNull("refusal");
                putScores(choice, scores.get(i));
                choice.put("finish_reason", reasons[i]);
            }
            reply.send(exchange, document);
        }

        private void putScores(ObjectNode choice, List<TokenScore> scores) {
            if (request.scoring().chosen()) {
                choice.set("logprobs", Scores.chat(scores, model.tokenizer()));
            } else {
                choice.putNull("logprobs");
            }
        }

        void stream(Answer answer, boolean usage) {
            // What is refused before the first token is an answer of its own, not a broken stream.
            var told = answer.next();
            exchange.beginStream();
            for (var i = 0; i < request.choices(); i++) {
                var delta = Body.object().put("role", "assistant").put("content", "");
                exchange.event(chunk(i, delta, List.of(), null));
            }
            while (!(told.event() instanceof Completed(var took))) {
                switch (told.event()) {
                    case Piece(var choice, var text, var tokens) ->
                        exchange.event(chunk(choice, Body.object().put("content", text), tokens, null));
                    case Ended(var choice, var finish) ->
                        exchange.event(chunk(choice, Body.object(), List.of(), Reply.reason(finish)));
                    case PromptScored _, Completed _, Failed _ -> {}
                }
                told = answer.next();
            }
            reply.add(took);
            reply.end(exchange, usage ? chunkDocument() : null);
        }

        private ObjectNode chunkDocument() {
            return reply.document().put("object", "chat.completion.chunk");
        }

        private ObjectNode chunk(int index, ObjectNode delta, List<TokenScore> scores, @Nullable String reason) {
            var document = chunkDocument();
            var choice = document.putArray("choices").addObject().put("index", index);
            choice.set("delta", delta);
            if (scores.isEmpty()) {
                choice.putNull("logprobs");
            } else {
                choice.set("logprobs", Scores.chat(scores, model.tokenizer()));
            }
            choice.put("finish_reason", reason);
            return document;
        }
    }
}
