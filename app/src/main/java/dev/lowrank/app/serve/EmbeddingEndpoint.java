package dev.lowrank.app.serve;

import dev.lowrank.evaluate.encoder.SentenceEmbedder;
import dev.lowrank.evaluate.encoder.SentenceEmbedder.Embeddings;
import dev.lowrank.model.Progress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Base64;
import tools.jackson.databind.node.ObjectNode;

/// `POST /v1/embeddings`, for encoders.
final class EmbeddingEndpoint implements Endpoint {
    private static final int MOST = 2048;
    private static final int PART = 32;

    private final ModelShelf shelf;

    EmbeddingEndpoint(ModelShelf shelf) {
        this.shelf = shelf;
    }

    @Override
    public void handle(Exchange exchange, String owner) {
        var fields = exchange.body();
        try (var lease = Models.lease(shelf, exchange, fields)) {
            var model = lease.model();
            var base64 = switch (fields.text("encoding_format").orElse("float")) {
                case "float" -> false;
                case "base64" -> true;
                default -> throw fields.wrong("encoding_format", "float or base64");
            };
            if (fields.has("dimensions")) {
                throw ApiException.unsupported("dimensions", "The vectors of this model have one length");
            }
            var made = embed(exchange, work(fields, model), model);
            exchange.note("prompt_tokens", made.tokens());
            exchange.json(200, document(made, lease.id(), base64));
        }
    }

    /// Embeds a part of the inputs.
    @FunctionalInterface
    private interface Work {
        Embeddings part(SentenceEmbedder embedder, int from, int to);
    }

    /// What is to be embedded.
    private record Inputs(int count, Work work) {}

    private static Embeddings embed(Exchange exchange, Inputs inputs, ServedModel model) {
        exchange.connection().watch();
        var vectors = new ArrayList<float[]>();
        var tokens = 0;
        // In parts, so that the others' come in between and a client that goes is noticed.
        for (var from = 0; from < inputs.count(); from += PART) {
            var first = from;
            var end = Math.min(inputs.count(), from + PART);
            if (exchange.connection().isGone()) {
                throw new ClientGoneException();
            }
            var made = model.embed(embedder -> inputs.work().part(embedder, first, end));
            if (made.truncated() > 0) {
                throw ApiException.tooLong(
                        "input",
                        made.truncated() + " of the texts are longer than the " + model.embeddedTokens()
                                + " tokens that the model reads");
            }
            vectors.addAll(made.vectors());
            tokens += made.tokens();
        }
        return new Embeddings(vectors, 0, tokens);
    }

    private static Inputs work(Fields fields, ServedModel model) {
        var input = fields.node("input");
        var first = input.isArray() && !input.isEmpty() ? input.get(0) : input;
        if (first.isString()) {
            var texts = fields.texts("input", MOST);
            texts.forEach(text ->
                    model.tokens("input", text.length(), () -> model.tokenizer().encode(text)));
            return new Inputs(
                    texts.size(), (embedder, from, to) -> embedder.embed(texts.subList(from, to), Progress.silent()));
        }
        Prompts.Encoder none = _ -> {
            throw fields.wrong("input", "either texts or token ids");
        };
        var ids = Prompts.read(fields, "input", none, model.tokenizer().vocabularySize(), MOST);
        return new Inputs(
                ids.size(), (embedder, from, to) -> embedder.embedTokens(ids.subList(from, to), Progress.silent()));
    }

    private static ObjectNode document(Embeddings made, String model, boolean base64) {
        var document = Body.object().put("object", "list");
        var data = document.putArray("data");
        var vectors = made.vectors();
        for (var i = 0; i < vectors.size(); i++) {
            var entry = data.addObject().put("object", "embedding").put("index", i);
            if (base64) {
                entry.put("embedding", base64(vectors.get(i)));
            } else {
                var list = entry.putArray("embedding");
                for (var value : vectors.get(i)) {
                    list.add(value);
                }
            }
        }
        document.put("model", model);
        document.putObject("usage").put("prompt_tokens", made.tokens()).put("total_tokens", made.tokens());
        return document;
    }

    private static String base64(float[] vector) {
        var bytes = ByteBuffer.allocate(4 * vector.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(vector);
        return Base64.getEncoder().encodeToString(bytes.array());
    }
}
