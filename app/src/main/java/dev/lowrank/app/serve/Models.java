package dev.lowrank.app.serve;

import tools.jackson.databind.node.ObjectNode;

/// `GET /v1/models` and `/v1/models/{id}`, and which model a request means.
final class Models {
    private Models() {}

    /// The model that a request names; the first one where it names none.
    static ModelShelf.Lease lease(ModelShelf shelf, Exchange exchange, Fields fields) {
        var named = fields.text("model").orElse(shelf.ids().getFirst());
        exchange.note("model", named);
        if (!shelf.ids().contains(named)) {
            throw ApiException.noModel("There is no model of this name; see /v1/models");
        }
        if (!shelf.isReady() && shelf.isLoadingFirst()) {
            throw ApiException.unavailable("loading", "The model is being loaded");
        }
        return shelf.lease(named);
    }

    static ObjectNode list(ModelShelf shelf) {
        var document = Body.object().put("object", "list");
        var data = document.putArray("data");
        shelf.ids().forEach(id -> data.add(entry(shelf, id)));
        return document;
    }

    static ObjectNode one(ModelShelf shelf, String id) {
        if (!shelf.ids().contains(id)) {
            throw ApiException.noModel("There is no model of this name; see /v1/models");
        }
        return entry(shelf, id);
    }

    private static ObjectNode entry(ModelShelf shelf, String id) {
        return Body.object()
                .put("id", id)
                .put("object", "model")
                .put("created", shelf.created())
                .put("owned_by", "lowrank")
                .put("bytes", shelf.weightBytes(id));
    }
}
