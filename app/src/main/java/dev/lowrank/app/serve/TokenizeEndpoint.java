package dev.lowrank.app.serve;

import dev.lowrank.text.TextException;

/// `POST /tokenize`: what a text or a conversation is to a model, token by token.
final class TokenizeEndpoint implements Endpoint {
    private final ModelShelf shelf;

    TokenizeEndpoint(ModelShelf shelf) {
        this.shelf = shelf;
    }

    @Override
    public void handle(Exchange exchange, String owner) {
        var fields = exchange.body();
        try (var lease = Models.lease(shelf, exchange, fields)) {
            var model = lease.model();
            var ids = ids(fields, model);
            var document = Body.object();
            var tokens = document.putArray("tokens");
            var pieces = document.putArray("pieces");
            for (var id : ids) {
                tokens.add(id);
                pieces.add(model.tokenizer().decode(new int[] {id}));
            }
            document.put("count", ids.length).put("context_length", model.context());
            exchange.json(200, document);
        }
    }

    private static int[] ids(Fields fields, ServedModel model) {
        var tokenizer = model.tokenizer();
        if (fields.has("messages")) {
            return ChatEndpoint.prompt(fields, model);
        }
        var text = fields.text("content")
                .or(() -> fields.text("prompt"))
                .orElseThrow(() -> ApiException.bad("content", "'content' must be a string, or 'messages' a list"));
        var special = fields.has("add_special") && fields.flag("add_special");
        try {
            return model.tokens(
                    "content",
                    text.length(),
                    () -> special ? tokenizer.encodeWithSpecials(text) : tokenizer.encode(text));
        } catch (TextException refused) {
            throw ApiException.bad("content", String.valueOf(refused.getMessage()));
        }
    }
}
