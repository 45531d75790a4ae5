package dev.lowrank.app.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.model.LanguageModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// What answers look like, whole and as a stream: the OpenAI interface, and H20.
class ServerAnswerTest {
    private static final String PROMPT = "import os\\n\\ndef read_file(path):\\n    with open(";

    @TempDir
    static Path folder;

    private static TestServer server;

    @BeforeAll
    static void start() throws Exception {
        server = TestServer.talking(folder);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static JsonNode complete(String fields) throws Exception {
        var answer = server.post("/v1/completions", "{\"model\": \"pocket\", " + fields + "}");
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return TestServer.json(answer);
    }

    private static JsonNode chat(String fields) throws Exception {
        var answer = server.post("/v1/chat/completions", "{\"model\": \"chat\", " + fields + "}");
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return TestServer.json(answer);
    }

    /// The documents of a stream, which must be framed as it should.
    private static List<JsonNode> events(String path, String body) throws Exception {
        var answer = server.post(path, body);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        assertThat(answer.headers().firstValue("content-type")).hasValue("text/event-stream");
        var frames = answer.body().split("\n\n");
        assertThat(answer.body()).endsWith("data: [DONE]\n\n");
        assertThat(frames[frames.length - 1]).isEqualTo("data: [DONE]");
        var events = new ArrayList<JsonNode>();
        for (var frame : List.of(frames).subList(0, frames.length - 1)) {
            assertThat(frame).startsWith("data: {").doesNotContain("\n");
            events.add(TestServer.JSON.readTree(frame.substring(6)));
        }
        return events;
    }

    @Test
    void aCompletionHasItsTextUsageAndTimings() throws Exception {
        var document = complete("\"prompt\": \"" + PROMPT + "\", \"max_tokens\": 8, \"temperature\": 0");
        assertThat(document.path("object").asString()).isEqualTo("text_completion");
        assertThat(document.path("id").asString()).startsWith("cmpl-");
        var choice = document.path("choices").path(0);
        assertThat(choice.path("text").asString()).startsWith("path");
        assertThat(choice.path("finish_reason").asString()).isEqualTo("length");
        assertThat(choice.path("logprobs").isNull()).isTrue();
        var usage = document.path("usage");
        assertThat(usage.path("completion_tokens").asInt()).isEqualTo(8);
        assertThat(usage.path("total_tokens").asInt())
                .isEqualTo(usage.path("prompt_tokens").asInt() + 8);
        assertThat(document.path("timings").path("predicted_per_second").asDouble())
                .isPositive();
    }

    @Test
    void severalPromptsAndChoicesAreNumberedInOrder() throws Exception {
        var document = complete(
                "\"prompt\": [\"def add(a, b):\", \"import os\\n\"], \"n\": 2, \"max_tokens\": 5, \"seed\": 3");
        var choices = document.path("choices");
        assertThat(choices.size()).isEqualTo(4);
        for (var i = 0; i < 4; i++) {
            assertThat(choices.path(i).path("index").asInt()).isEqualTo(i);
        }
        var second = complete("\"prompt\": \"import os\\n\", \"n\": 2, \"max_tokens\": 5, \"seed\": 3");
        assertThat(choices.path(2).path("text"))
                .isEqualTo(second.path("choices").path(0).path("text"));
        assertThat(choices.path(3).path("text"))
                .isEqualTo(second.path("choices").path(1).path("text"));
    }

    @Test
    void echoScoresThePrompt() throws Exception {
        var document = complete("\"prompt\": [5, 300, 77, 12], \"max_tokens\": 1, \"temperature\": 0,"
                + " \"logprobs\": 1, \"echo\": true");
        var scores = document.path("choices").path(0).path("logprobs");
        for (var name : List.of("tokens", "token_logprobs", "top_logprobs", "text_offset")) {
            assertThat(scores.path(name).size()).as(name).isEqualTo(5);
        }
        assertThat(scores.path("token_logprobs").path(0).isNull()).isTrue();
        assertThat(scores.path("top_logprobs").path(0).isNull()).isTrue();
        assertThat(scores.path("token_logprobs").path(1).asDouble()).isNegative();
        var last = scores.path("token_logprobs").path(4).asDouble();
        var best = scores.path("top_logprobs")
                .path(4)
                .properties()
                .iterator()
                .next()
                .getValue()
                .asDouble();
        assertThat(last).isCloseTo(best, within(1e-12));
        var nothing = complete("\"prompt\": [5, 300, 77, 12], \"max_tokens\": 0, \"logprobs\": 0, \"echo\": true");
        var same = nothing.path("choices").path(0).path("logprobs").path("token_logprobs");
        assertThat(same.size()).isEqualTo(4);
        assertThat(same.path(2).asDouble())
                .isCloseTo(scores.path("token_logprobs").path(2).asDouble(), within(1e-4));
        assertThat(nothing.path("usage").path("completion_tokens").asInt()).isZero();
    }

    @Test
    void textOffsetsPointIntoTheText() throws Exception {
        var document = complete("\"prompt\": \"" + PROMPT + "\", \"max_tokens\": 6, \"temperature\": 0,"
                + " \"logprobs\": 2, \"echo\": true");
        var choice = document.path("choices").path(0);
        var text = choice.path("text").asString();
        var scores = choice.path("logprobs");
        for (var i = 0; i < scores.path("tokens").size(); i++) {
            var offset = scores.path("text_offset").path(i).asInt();
            assertThat(text.substring(offset))
                    .startsWith(scores.path("tokens").path(i).asString());
        }
    }

    @Test
    void aCompletionsStreamIsItsTextInPieces() throws Exception {
        var whole = complete("\"prompt\": \"" + PROMPT + "\", \"max_tokens\": 12, \"temperature\": 0");
        var events = events(
                "/v1/completions",
                "{\"prompt\": \"" + PROMPT + "\", \"max_tokens\": 12, \"temperature\": 0, \"stream\": true,"
                        + " \"stream_options\": {\"include_usage\": true}}");
        var text = new StringBuilder();
        for (var event : events) {
            text.append(event.path("choices").path(0).path("text").asString(""));
            assertThat(event.path("id")).isEqualTo(events.getFirst().path("id"));
        }
        assertThat(text.toString())
                .isEqualTo(whole.path("choices").path(0).path("text").asString());
        assertThat(events.getLast().path("choices").isEmpty()).isTrue();
        assertThat(events.getLast().path("usage").path("completion_tokens").asInt())
                .isEqualTo(12);
    }

    @Test
    void aChatsStreamHasTheRoleFirstAndTheReasonLast() throws Exception {
        var messages = "\"messages\": [{\"role\": \"developer\", \"content\": \"be brief\"},"
                + " {\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"open a \"},"
                + " {\"type\": \"text\", \"text\": \"file\"}]}], \"max_completion_tokens\": 10, \"temperature\": 0";
        var whole = chat(messages);
        var message = whole.path("choices").path(0).path("message");
        assertThat(message.path("role").asString()).isEqualTo("assistant");
        var events = events("/v1/chat/completions", "{\"model\": \"chat\", \"stream\": true, " + messages + "}");
        var first = events.getFirst().path("choices").path(0);
        assertThat(first.path("delta").toString()).isEqualTo("{\"role\":\"assistant\",\"content\":\"\"}");
        var text = new StringBuilder();
        for (var event : events) {
            assertThat(event.path("object").asString()).isEqualTo("chat.completion.chunk");
            assertThat(event.path("id")).isEqualTo(events.getFirst().path("id"));
            assertThat(event.path("created")).isEqualTo(events.getFirst().path("created"));
            var choice = event.path("choices").path(0);
            assertThat(choice.has("finish_reason")).isTrue();
            assertThat(choice.path("finish_reason").isNull()).isEqualTo(!event.equals(events.getLast()));
            text.append(choice.path("delta").path("content").asString(""));
        }
        var last = events.getLast().path("choices").path(0);
        assertThat(last.path("delta").isEmpty()).isTrue();
        assertThat(last.path("finish_reason").asString()).isEqualTo("length");
        assertThat(text.toString()).isEqualTo(message.path("content").asString());
    }

    @Test
    void chatScoresNameTokensAndBytes() throws Exception {
        var document = chat("\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"max_tokens\": 4,"
                + " \"temperature\": 0, \"logprobs\": true, \"top_logprobs\": 3");
        var content = document.path("choices").path(0).path("logprobs").path("content");
        assertThat(content.size()).isEqualTo(4);
        for (var entry : content) {
            assertThat(entry.path("top_logprobs").size()).isEqualTo(3);
            assertThat(entry.path("logprob").asDouble()).isLessThanOrEqualTo(0);
            assertThat(entry.path("top_logprobs").path(0).path("logprob")).isEqualTo(entry.path("logprob"));
            assertThat(entry.path("bytes").size())
                    .isEqualTo(entry.path("token").asString().length());
        }
    }

    @Test
    void aStopEndsTheAnswer() throws Exception {
        var whole = complete("\"prompt\": \"" + PROMPT + "\", \"max_tokens\": 20, \"temperature\": 0");
        var text = whole.path("choices").path(0).path("text").asString();
        var stop = text.substring(4, 7);
        var stopped = complete("\"prompt\": \"" + PROMPT + "\", \"max_tokens\": 20, \"temperature\": 0, \"stop\": "
                + TestServer.JSON.writeValueAsString(stop));
        assertThat(stopped.path("choices").path(0).path("text").asString())
                .isEqualTo(text.substring(0, text.indexOf(stop)));
        assertThat(stopped.path("choices").path(0).path("finish_reason").asString())
                .isEqualTo("stop");
    }

    // H20

    @Test
    void whateverTheModelSaysTheStreamIsValid() throws Exception {
        // Forced tokens: line ends, the letters of "data", and single bytes that form no code point.
        try (var model = LanguageModel.open(TestServer.POCKET);
                var tokenizer = model.tokenizer()) {
            var euro = tokenizer.encode("€");
            var newline = tokenizer.encode("\n")[0];
            assertThat(euro.length).isGreaterThan(1);
            for (var token : new int[] {
                newline, euro[0], euro[euro.length - 1], tokenizer.encode("data")[0]
            }) {
                var events = events(
                        "/v1/completions",
                        "{\"prompt\": \"a\", \"max_tokens\": 9, \"logprobs\": 2, \"stream\": true, \"logit_bias\": {\""
                                + token + "\": 100}}");
                var text = new StringBuilder();
                events.forEach(event ->
                        text.append(event.path("choices").path(0).path("text").asString("")));
                assertThat(text.toString()).isNotEmpty();
                assertThat(text.codePoints().noneMatch(c -> c >= 0xD800 && c < 0xE000))
                        .isTrue();
            }
        }
    }

    // The rest of the interface

    @Test
    void modelsAreListed() throws Exception {
        var list = TestServer.json(server.get("/v1/models"));
        assertThat(list.path("object").asString()).isEqualTo("list");
        assertThat(list.path("data").valueStream().map(model -> model.path("id").asString()))
                .containsExactly("pocket", "chat");
        assertThat(TestServer.json(server.get("/v1/models/chat")).path("object").asString())
                .isEqualTo("model");
        assertThat(server.get("/v1/models/none").statusCode()).isEqualTo(404);
    }

    @Test
    void tokenizeShowsWhatTheModelSees() throws Exception {
        var document = TestServer.json(server.post("/tokenize", "{\"content\": \"def add\"}"));
        assertThat(document.path("count").asInt())
                .isEqualTo(document.path("tokens").size());
        var joined = new StringBuilder();
        document.path("pieces").forEach(piece -> joined.append(piece.asString()));
        assertThat(joined.toString()).isEqualTo("def add");
        assertThat(document.path("context_length").asInt()).isEqualTo(1024);
        var chat = TestServer.json(server.post(
                "/tokenize", "{\"model\": \"chat\", \"messages\": [{\"role\": \"user\", \"content\": \"hello\"}]}"));
        var prompt = new StringBuilder();
        chat.path("pieces").forEach(piece -> prompt.append(piece.asString()));
        assertThat(prompt.toString()).isEqualTo("# user: hello\ndef answer():\n");
    }

    @Test
    void healthAndMetricsAreTold() throws Exception {
        complete("\"prompt\": \"a\", \"max_tokens\": 3");
        assertThat(server.get("/health").body()).isEqualTo("{\"status\":\"ok\"}");
        var metrics = server.get("/metrics");
        assertThat(metrics.headers().firstValue("content-type").orElseThrow()).startsWith("text/plain; version=0.0.4");
        assertThat(metrics.body())
                .contains("# TYPE lowrank_generated_tokens_total counter")
                .containsPattern("lowrank_generated_tokens_total\\{model=\"pocket\"\\} [1-9]")
                .contains("lowrank_http_requests_total{route=\"/v1/completions\",status=\"200\"}");
        assertThat(metrics.body().lines())
                .allMatch(line -> line.matches("# (HELP|TYPE) .*|[a-z_]+(\\{([a-z]+=\"[^\"]*\",?)+\\})? [-+0-9.Eef]+"));
    }

    @Test
    void aSchemaHoldsTheAnswer() throws Exception {
        var format = "\"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"x\","
                + " \"schema\": {\"type\": \"object\", \"properties\": {\"ok\": {\"type\": \"boolean\"}},"
                + " \"required\": [\"ok\"], \"additionalProperties\": false}}}";
        for (var seed = 0; seed < 4; seed++) {
            var document = chat("\"messages\": [{\"role\": \"user\", \"content\": \"json\"}], \"max_tokens\": 200,"
                    + " \"seed\": " + seed + ", " + format);
            var choice = document.path("choices").path(0);
            assertThat(choice.path("finish_reason").asString()).isEqualTo("stop");
            var answer = TestServer.JSON.readTree(
                    choice.path("message").path("content").asString());
            assertThat(answer.size()).isEqualTo(1);
            assertThat(answer.path("ok").isBoolean()).isTrue();
        }
    }

    @Test
    void theSameSeedSaysTheSame() throws Exception {
        var fields = "\"prompt\": \"def\", \"max_tokens\": 12, \"temperature\": 1.2, \"top_p\": 0.95, \"seed\": ";
        var first = complete(fields + 5).path("choices").path(0).path("text");
        assertThat(complete(fields + 5).path("choices").path(0).path("text")).isEqualTo(first);
        assertThat(complete(fields + 6).path("choices").path(0).path("text")).isNotEqualTo(first);
    }
}
