package dev.lowrank.app.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.testing.PythonPeer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Python's clients against a started server: the official one, and lm-evaluation-harness, which must find
/// of a model through the server what it finds of the same files through `transformers`.
@Tag("python")
class PythonClientsTest {
    private static final List<String> TASKS = List.of("arc_easy", "boolq", "lambada_openai");

    @TempDir
    Path folder;

    @Test
    void theOfficialClientIsServed() throws Exception {
        var python = PythonPeer.with(folder, "openai");
        var setup = new TestServer.Setup();
        setup.keys = List.of("a-key-for-python");
        setup.models.put("chat", TestServer.chatModel(folder));
        try (var server = TestServer.start(setup)) {
            var done = python.run(PythonPeer.script("openai_client.py"), server.url("/v1"), "a-key-for-python", "chat");
            assertThat(done.code()).as(done.errors()).isZero();
            var document = TestServer.JSON.readTree(done.output());
            assertThat(document.path("errors").toString())
                    .isEqualTo("[[400,\"BadRequestError\",\"context_length_exceeded\"],"
                            + "[404,\"NotFoundError\",\"model_not_found\"],[400,\"BadRequestError\",null],"
                            + "[401,\"AuthenticationError\",\"invalid_api_key\"]]");
        }
    }

    @Test
    void theHarnessFindsThroughTheServerWhatItFindsThroughTransformers() throws Exception {
        var python = PythonPeer.with(
                folder, "lm_eval", "torch", "transformers", "datasets", "tenacity", "aiohttp", "requests");
        var expected = ask(python, TestServer.POCKET.toAbsolutePath().toString());
        JsonNode found;
        var setup = new TestServer.Setup();
        setup.queue = 64;
        try (var server = TestServer.start(setup)) {
            found = ask(python, server.server.url() + "@" + TestServer.POCKET.toAbsolutePath());
        }
        for (var task : TASKS) {
            var ours = found.path(task).path("samples");
            var theirs = expected.path(task).path("samples");
            assertThat(ours.size()).isEqualTo(theirs.size()).isPositive();
            for (var i = 0; i < ours.size(); i++) {
                assertThat(ours.path(i).path("arguments"))
                        .isEqualTo(theirs.path(i).path("arguments"));
                for (var j = 0; j < ours.path(i).path("responses").size(); j++) {
                    var own = ours.path(i).path("responses").path(j);
                    var other = theirs.path(i).path("responses").path(j);
                    assertThat(own.path(0).asDouble()).isCloseTo(other.path(0).asDouble(), within(1e-3));
                    assertThat(own.path(1).asString()).isEqualTo(other.path(1).asString());
                }
            }
            for (var figure : expected.path(task).path("figures").properties()) {
                var value = figure.getValue().asDouble();
                assertThat(found.path(task)
                                .path("figures")
                                .path(figure.getKey())
                                .asDouble())
                        .as(task + " " + figure.getKey())
                        .isCloseTo(value, within(1e-4 * Math.max(1, Math.abs(value))));
            }
        }
    }

    private JsonNode ask(PythonPeer python, String model) throws Exception {
        var file = folder.resolve("found.json");
        var data = Path.of(System.getProperty("lowrank.root", ".."))
                .resolve("core/src/test/resources/golden/tasks/data")
                .toAbsolutePath();
        var done = python.run(
                PythonPeer.script("harness_tasks.py"),
                model,
                data.toString(),
                String.join(",", TASKS),
                "0",
                "0",
                "4",
                file.toString());
        assertThat(done.code()).as(done.errors()).isZero();
        return TestServer.JSON.readTree(Files.readString(file));
    }
}
