package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class DemoCommandTest {
    private static final DemoCommand.Scale SMALL = new DemoCommand.Scale(64, 4, 2, new Measurement.SpeedPlan(8, 2), 4);

    @Test
    void theDemoComparesEightRecipesAndKeepsTheBest(@TempDir Path folder) {
        var out = new ByteArrayOutputStream();
        var err = new ByteArrayOutputStream();
        var console = new Console(
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                false,
                false);
        console.json(true);
        var target = folder.resolve("demo");
        var command = new DemoCommand(console, new ModelArgument(Run.ROOT, Map.of()), SMALL);
        var code = new CommandLine(command).execute("-o", target.toString());
        var run = new Run(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
        assertThat(run.code()).as(run.err()).isZero();
        var document = Documents.of(run);
        assertThat(document.path("rows").size()).isEqualTo(9);
        assertThat(document.path("output").asString()).isEqualTo(target.toString());
        assertThat(document.path("continuations").size()).isEqualTo(3);
        var rows = document.path("rows");
        for (var i = 1; i < rows.size(); i++) {
            var row = rows.path(i);
            assertThat(row.path("kept_target").asDouble()).isBetween(0.38, 0.4);
            assertThat(row.path("bytes").asLong()).isLessThan(6_000_000);
            assertThat(row.path("perplexity").path(0).path("value").asDouble())
                    .isGreaterThan(rows.path(0)
                            .path("perplexity")
                            .path(0)
                            .path("value")
                            .asDouble());
        }
        assertThat(Run.of("verify", target.toString()).code()).isZero();
    }

    @Test
    void anOutputThatExistsIsAUsageError(@TempDir Path folder) {
        var run = Run.of("demo", "-o", folder.toString(), "--json");
        assertThat(run.code()).isEqualTo(2);
        assertThat(Documents.of(run).path("error").path("message").asString()).contains("exists already");
    }

    @Test
    void aShareOutOfRangeIsAUsageError() {
        assertThat(Run.of("demo", "--keep=1.5").code()).isEqualTo(2);
    }
}
