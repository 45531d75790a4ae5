package dev.lowrank.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Answers held to a schema.
class ServerSchemaTest {
    private static final String SCHEMA = "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"film\",\"strict\":true,"
            + "\"schema\":{\"type\":\"object\",\"required\":[\"title\",\"year\"],\"additionalProperties\":false,"
            + "\"properties\":{\"title\":{\"type\":\"string\",\"maxLength\":16},"
            + "\"year\":{\"type\":\"integer\",\"minimum\":1900,\"maximum\":2030}}}}}";

    @TempDir
    private static Path folder;

    private static TestServer server;

    @BeforeAll
    static void start() throws Exception {
        server = TestServer.talking(folder);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @Test
    void anAnswerFollowsItsSchema() throws Exception {
        for (var seed = 0; seed < 4; seed++) {
            var answer = server.post(
                    "/v1/chat/completions",
                    "{\"model\":\"chat\",\"messages\":[{\"role\":\"user\",\"content\":\"A film.\"}],\"temperature\":1,"
                            + "\"seed\":" + seed + ",\"max_tokens\":100,\"response_format\":" + SCHEMA + "}");
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
            var choice = TestServer.json(answer).path("choices").path(0);
            assertThat(choice.path("finish_reason").asString()).isEqualTo("stop");
            var film = TestServer.JSON.readTree(
                    choice.path("message").path("content").asString());
            assertThat(film.propertyNames()).containsExactlyInAnyOrder("title", "year");
            assertThat(film.path("title").asString().codePoints().count()).isLessThanOrEqualTo(16);
            assertThat(film.path("year").asInt()).isBetween(1900, 2030);
        }
    }

    @Test
    void anObjectIsAnObject() throws Exception {
        var answer = server.post(
                "/v1/completions",
                "{\"prompt\":\"data = \",\"max_tokens\":3,\"response_format\":{\"type\":\"json_object\"}}");
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        assertThat(TestServer.json(answer).path("choices").path(0).path("text").asString())
                .startsWith("{");
    }

    @ParameterizedTest
    @CsvSource({"not, '{\"not\":{}}'", "pattern, '{\"type\":\"string\",\"pattern\":\"(?<=a)b\"}'"})
    void whatCannotBeHeldToIsNamed(String keyword, String schema) throws Exception {
        var answer = server.post(
                "/v1/completions",
                "{\"prompt\":\"a\",\"max_tokens\":2,\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
                        + "{\"name\":\"a\",\"schema\":" + schema + "}}}");
        assertThat(answer.statusCode()).isEqualTo(400);
        var error = TestServer.json(answer).path("error");
        assertThat(error.path("message").asString()).contains(keyword);
        assertThat(error.path("param").asString()).isEqualTo("response_format");
    }

    @Test
    void modelsSayTheirBytes() throws Exception {
        for (var model : TestServer.json(server.get("/v1/models")).path("data")) {
            assertThat(model.path("bytes").asLong()).isBetween(10_000_000L, 12_000_000L);
        }
    }
}
