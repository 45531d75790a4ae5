package dev.lowrank.app.serve;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// A request is refused, in the words of OpenAI's errors.
final class ApiException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private static final String INVALID = "invalid_request_error";
    private static final String SERVER = "server_error";

    private final int status;
    private final String type;
    private final @Nullable String parameter;
    private final @Nullable String code;

    private ApiException(int status, String type, @Nullable String parameter, @Nullable String code, String message) {
        super(message, null, false, false);
        this.status = status;
        this.type = type;
        this.parameter = parameter;
        this.code = code;
    }

    /// @param parameter which one is wrong; null where it is the whole
    static ApiException bad(@Nullable String parameter, String message) {
        return new ApiException(400, INVALID, parameter, null, message);
    }

    static ApiException tooLong(String parameter, String message) {
        return new ApiException(400, INVALID, parameter, "context_length_exceeded", message);
    }

    static ApiException unsupported(String parameter, String message) {
        return new ApiException(400, INVALID, parameter, "unsupported_value", message);
    }

    static ApiException noKey(String message) {
        return new ApiException(401, INVALID, null, "invalid_api_key", message);
    }

    static ApiException forbidden(String message) {
        return new ApiException(403, "permission_error", null, null, message);
    }

    static ApiException noRoute() {
        return new ApiException(404, INVALID, null, "unknown_url", "There is nothing at this address");
    }

    static ApiException noModel(String message) {
        return new ApiException(404, INVALID, "model", "model_not_found", message);
    }

    static ApiException noMethod(String allowed) {
        return new ApiException(405, INVALID, null, null, "This address takes " + allowed);
    }

    static ApiException timedOut() {
        return new ApiException(408, INVALID, null, "timeout", "The request took longer than this server allows");
    }

    static ApiException tooLarge(long limit) {
        return new ApiException(413, INVALID, null, null, "The body has more than " + limit + " bytes");
    }

    static ApiException mediaType(String message) {
        return new ApiException(415, INVALID, null, null, message);
    }

    static ApiException misdirected(String message) {
        return new ApiException(421, INVALID, null, null, message);
    }

    static ApiException headers(String message) {
        return new ApiException(431, INVALID, null, null, message);
    }

    static ApiException busy(String message) {
        return new ApiException(429, "rate_limit_error", null, "queue_full", message);
    }

    static ApiException failed(String message) {
        return new ApiException(500, SERVER, null, "model_failed", message);
    }

    static ApiException unavailable(String code, String message) {
        return new ApiException(503, SERVER, null, code, message);
    }

    /// An error that HTTP itself found.
    static ApiException transport(int status, String message) {
        return new ApiException(status, status < 500 ? INVALID : SERVER, null, null, message);
    }

    int status() {
        return status;
    }

    /// Whether trying again soon may help.
    boolean passing() {
        return status == 429 || status == 503;
    }

    /// `{"error": {"message", "type", "param", "code"}}`.
    ObjectNode document() {
        var document = JsonNodeFactory.instance.objectNode();
        document.putObject("error")
                .put("message", getMessage())
                .put("type", type)
                .put("param", parameter)
                .put("code", code);
        return document;
    }
}
