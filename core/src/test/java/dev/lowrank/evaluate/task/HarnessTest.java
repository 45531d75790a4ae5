package dev.lowrank.evaluate.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.evaluate.likelihood.LogLikelihoods;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.model.TorchDecoder;
import dev.lowrank.model.TorchDecoder.Residency;
import dev.lowrank.testing.PythonPeer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/// Beside lm-evaluation-harness itself, of whatever version is installed: the same log-likelihoods and
/// figures. [HarnessRulesTest] compares more tasks with what one version found before.
@Tag("python")
class HarnessTest {
    private static final List<String> TASKS = List.of("arc_easy", "winogrande", "boolq", "lambada_openai");

    @TempDir
    Path folder;

    @Test
    void theHarnessFindsTheSame() throws Exception {
        var python = PythonPeer.with(folder, "lm_eval", "torch", "transformers", "datasets");
        var file = folder.resolve("found.json");
        var done = python.run(
                PythonPeer.script("harness_tasks.py"),
                GoldenTasks.pocket().toString(),
                GoldenTasks.data().toAbsolutePath().toString(),
                String.join(",", TASKS),
                "0",
                "0",
                "4",
                file.toString());
        assertThat(done.code()).as(done.errors()).isZero();
        var expected = JsonMapper.builder().build().readTree(Files.readString(file));
        try (var model = LanguageModel.open(GoldenTasks.pocket());
                var torch = TorchDecoder.load(model, Residency.RESIDENT);
                var tokenizer = model.tokenizer()) {
            var run = TaskRun.ofLikelihoods(new LogLikelihoods(
                    torch, tokenizer, model.spec().maxPositions(), model.spec().vocabSize()));
            for (var name : TASKS) {
                var task = PreparedTask.of(Tasks.named(name).orElseThrow(), GoldenTasks.data(), 0, OptionalInt.empty());
                var found = run.run(task, Progress.silent());
                var samples = expected.path(name).path("samples");
                assertThat(found.documents()).isEqualTo(samples.size());
                for (var i = 0; i < samples.size(); i++) {
                    var values = found.samples().get(i).logLikelihoods();
                    for (var j = 0; j < values.size(); j++) {
                        var own = samples.path(i)
                                .path("responses")
                                .path(j)
                                .path(0)
                                .asDouble();
                        assertThat(values.get(j)).isCloseTo(own, within(1e-3));
                    }
                }
                for (var figure : found.figures()) {
                    var own = GoldenTasks.figure(expected.path(name), figure.metric());
                    assertThat(figure.value()).isCloseTo(own, within(1e-4 * Math.abs(own)));
                }
            }
        }
    }
}
