package dev.lowrank.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Requests whose content is refused: H02, H07, H08, H09, H17.
class ServerRequestTest {
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

    private static void refused(String path, String body, String parameter) throws Exception {
        var answer = server.post(path, body);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(400);
        var error = TestServer.json(answer).path("error");
        assertThat(error.path("message").asString()).isNotEmpty().doesNotContain("Exception", "\tat ");
        assertThat(error.path("type").asString()).isEqualTo("invalid_request_error");
        assertThat(error.has("code")).isTrue();
        if (parameter.isEmpty()) {
            assertThat(error.path("param").isNull()).isTrue();
        } else {
            assertThat(error.path("param").asString()).startsWith(parameter);
        }
    }

    // H02

    static Stream<String> brokenJson() {
        return Stream.of(
                "",
                "{",
                "[]",
                "null",
                "\"x\"",
                "{\"prompt\": \"a\",}",
                "{\"prompt\": \"a\"} x",
                "{\"prompt\": \"a\", \"prompt\": \"b\"}",
                "{\"prompt\": \"a\", \"max_tokens\": NaN}",
                "{\"prompt\": " + "[".repeat(100_000) + "]".repeat(100_000) + "}",
                "{\"a\": 1" + "0".repeat(2000) + "}");
    }

    @ParameterizedTest
    @MethodSource("brokenJson")
    void brokenJsonIsRefused(String body) throws Exception {
        refused("/v1/completions", body, "");
        refused("/v1/chat/completions", body, "");
        refused("/v1/embeddings", body, "");
        refused("/tokenize", body, "");
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"\\ud800\"", "\"a\\udc00b\"", "\"x\\ud800\\ud800\""})
    void halfSurrogatesAreRefused(String text) throws Exception {
        refused("/v1/completions", "{\"prompt\": " + text + "}", "prompt");
        refused("/tokenize", "{\"content\": " + text + "}", "content");
        refused(
                "/v1/chat/completions",
                "{\"model\": \"chat\", \"messages\": [{\"role\": \"user\", \"content\": " + text + "}]}",
                "messages");
    }

    @Test
    void invalidUtf8IsRefused() throws Exception {
        try (var raw = server.raw()) {
            raw.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    + "Content-Length: 15\r\n\r\n{\"prompt\":\"\u00ff\u00fe\"}");
            assertThat(raw.status()).isEqualTo(400);
        }
    }

    // H07

    static Stream<String> badFields() {
        return Stream.of(
                "n|1000000",
                "n|0",
                "n|\"2\"",
                "best_of|5",
                "logprobs|1000000000",
                "logprobs|true",
                "logprobs|-1",
                "max_tokens|-1",
                "max_tokens|9223372036854775808",
                "max_tokens|1.5",
                "max_tokens|\"5\"",
                "temperature|-1",
                "temperature|1e999",
                "temperature|\"hot\"",
                "temperature|3",
                "top_p|2",
                "top_k|-1",
                "seed|1e3",
                "stop|[" + "\"a\",".repeat(10_000) + "\"b\"]",
                "stop|[1]",
                "stop|\"\"",
                "stop|\"" + "s".repeat(300) + "\"",
                "logit_bias|{\"99999999\": 1}",
                "logit_bias|{\"-1\": 1}",
                "logit_bias|{\"5\": 1000}",
                "logit_bias|[1]",
                "presence_penalty|5",
                "frequency_penalty|-5",
                "stream|\"yes\"",
                "stream|1",
                "stream_options|true",
                "echo|2",
                "suffix|\"x\"",
                "model|7",
                "response_format|{\"type\": \"xml\"}");
    }

    @ParameterizedTest
    @MethodSource("badFields")
    void aFieldOutOfRangeIsNamed(String field) throws Exception {
        var name = field.substring(0, field.indexOf('|'));
        var value = field.substring(field.indexOf('|') + 1);
        refused("/v1/completions", "{\"prompt\": \"a\", \"" + name + "\": " + value + "}", name);
    }

    @Test
    void aMillionBiasesAreRefused() throws Exception {
        var biases = new StringBuilder("{\"prompt\": \"a\", \"logit_bias\": {\"0\": 1");
        for (var i = 1; i < 60_000; i++) {
            biases.append(",\"").append(i).append("\":1");
        }
        refused("/v1/completions", biases.append("}}").toString(), "logit_bias");
    }

    @ParameterizedTest
    @ValueSource(strings = {"null", "7", "{}", "[]", "[[]]", "[\"a\", 5]", "[1.5]", "[-1]", "[4096]", "[[5], null]"})
    void aPromptThatIsNoneIsRefused(String prompt) throws Exception {
        refused("/v1/completions", "{\"prompt\": " + prompt + "}", "prompt");
    }

    @Test
    void nullsAndEmptyToolsAreNothing() throws Exception {
        var answer = server.post(
                "/v1/chat/completions",
                "{\"model\": \"chat\", \"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"max_tokens\": 2,"
                        + " \"tools\": null, \"tool_choice\": null, \"functions\": [], \"stop\": null, \"n\": null,"
                        + " \"temperature\": null, \"stream\": false, \"stream_options\": null, \"seed\": null,"
                        + " \"response_format\": {\"type\": \"text\"}, \"logit_bias\": null, \"user\": \"me\"}");
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    }

    // H08

    @Test
    void thePromptMayFillTheContextAndNotMore() throws Exception {
        var limit = 1024;
        for (var over : new int[] {1, 2, 100_000}) {
            refused("/v1/completions", ids(limit - 1 + over, 1), "prompt");
        }
        refused("/v1/completions", ids(1000, 25), "prompt");
        var answer = server.post("/v1/completions", ids(1000, 25));
        var error = TestServer.json(answer).path("error");
        assertThat(error.path("code").asString()).isEqualTo("context_length_exceeded");
        assertThat(error.path("message").asString()).contains("1024", "1000", "25");
        var fits = server.post("/v1/completions", ids(limit - 1, 1));
        assertThat(fits.statusCode()).as(fits.body()).isEqualTo(200);
        assertThat(TestServer.json(fits).path("usage").path("total_tokens").asInt())
                .isEqualTo(limit);
        var whole = server.post("/v1/completions", ids(limit, 0));
        assertThat(whole.statusCode()).isEqualTo(200);
    }

    private static String ids(int prompt, int most) {
        return "{\"prompt\": [5" + ",5".repeat(prompt - 1) + "], \"max_tokens\": " + most + "}";
    }

    @Test
    void aTextFarBeyondTheContextIsRefusedBeforeItIsRead() throws Exception {
        var start = System.nanoTime();
        refused("/v1/completions", "{\"prompt\": \"" + "x ".repeat(500_000) + "\"}", "prompt");
        assertThat((System.nanoTime() - start) * 1e-9).isLessThan(2);
        refused("/v1/completions", "{\"prompt\": \"" + "import os ".repeat(2000) + "\"}", "prompt");
    }

    // H09

    static Stream<String> formats() {
        return Stream.of(
                "{\"type\": \"grammar\", \"grammar\": \"root ::= root\"}",
                "{\"type\": \"regex\", \"regex\": \"(?<=a)b\"}",
                "{\"type\": \"json_schema\", \"json_schema\": {\"name\": \"a\", \"schema\": {\"type\": \"nothing\"}}}",
                "{\"type\": \"json_schema\"}",
                "{\"type\": 5}",
                "\"json\"",
                "{\"type\": \"json_schema\", \"json_schema\": {\"name\": \"a\", \"schema\": "
                        + "{\"items\":".repeat(60_000) + "{}" + "}".repeat(60_000) + "}}");
    }

    @ParameterizedTest
    @MethodSource("formats")
    void aFormatThatCannotBeKeptIsRefused(String format) throws Exception {
        var answer = server.post(
                "/v1/completions", "{\"prompt\": \"a\", \"max_tokens\": 2, \"response_format\": " + format + "}");
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(400);
        assertThat(TestServer.json(answer).has("error")).isTrue();
    }

    // H17

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"type\": \"image_url\", \"image_url\": {\"url\": \"http://169.254.169.254/latest\"}}",
                "{\"type\": \"image_url\", \"image_url\": {\"url\": \"file:///etc/passwd\"}}",
                "{\"type\": \"input_audio\", \"input_audio\": {\"data\": \"\", \"format\": \"wav\"}}",
                "{\"type\": \"file\", \"file\": {\"file_id\": \"x\"}}",
                "{\"text\": \"no type\"}",
                "\"text\"",
                "{\"type\": \"text\"}"
            })
    void onlyTextCanBeRead(String part) throws Exception {
        refused(
                "/v1/chat/completions",
                "{\"model\": \"chat\", \"messages\": [{\"role\": \"user\", \"content\": [" + part + "]}]}",
                "messages[0].content[0]");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[]",
                "{}",
                "null",
                "[5]",
                "[{\"content\": \"a\"}]",
                "[{\"role\": \"root\", \"content\": \"a\"}]",
                "[{\"role\": \"user\"}]",
                "[{\"role\": \"user\", \"content\": 5}]",
                "[{\"role\": \"assistant\", \"content\": null, \"tool_calls\": [{\"id\": \"1\"}]}]"
            })
    void messagesThatAreNoneAreRefused(String messages) throws Exception {
        refused("/v1/chat/completions", "{\"model\": \"chat\", \"messages\": " + messages + "}", "messages");
    }

    @Test
    void whatTheModelCannotDoIsSaid() throws Exception {
        var chat = "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]";
        refused("/v1/chat/completions", chat + ", \"model\": \"pocket\"}", "model");
        refused(
                "/v1/chat/completions",
                chat + ", \"model\": \"chat\", \"tools\": [{\"type\": \"function\"}]}",
                "tools");
        refused("/v1/chat/completions", chat + ", \"model\": \"chat\", \"top_logprobs\": 5}", "top_logprobs");
        refused("/v1/embeddings", "{\"input\": \"a\"}", "model");
    }

    @Test
    void anotherMethodIsRefused() throws Exception {
        assertThat(server.get("/v1/completions").statusCode()).isEqualTo(405);
        assertThat(server.post("/v1/models", "{}").statusCode()).isEqualTo(405);
    }

    @Test
    void aBadRequestIsRefusedQuickly() throws Exception {
        for (var i = 0; i < 50; i++) {
            server.post("/v1/completions", "{\"prompt\": \"a\", \"n\": 0}");
        }
        var start = System.nanoTime();
        for (var i = 0; i < 100; i++) {
            server.post("/v1/completions", "{\"prompt\": \"a\", \"n\": 0}");
        }
        assertThat((System.nanoTime() - start) * 1e-9 / 100).isLessThan(0.05);
    }
}
