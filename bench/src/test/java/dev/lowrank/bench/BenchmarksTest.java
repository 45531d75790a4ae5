package dev.lowrank.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Collection;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

class BenchmarksTest {
    private static Collection<RunResult> once(String benchmark, String parameter, String value) throws RunnerException {
        return new Runner(new OptionsBuilder()
                        .include("\\." + benchmark + "$")
                        .param(parameter, value)
                        .param("shape", "128x576")
                        .forks(0)
                        .warmupIterations(0)
                        .measurementIterations(1)
                        .measurementTime(TimeValue.milliseconds(1))
                        .shouldFailOnError(true)
                        .verbosity(VerboseMode.SILENT)
                        .build())
                .run();
    }

    @ParameterizedTest
    @CsvSource({
        "RowProducts.product,dtype,BF16",
        "Decompositions.svd,order,64",
        "Decompositions.gramSvd,order,64",
        "Decompositions.eigh,order,64",
        "Decompositions.cholesky,order,64",
        "PocketSpeed.prefill,tokens,16",
        "PocketSpeed.decode,tokens,16",
        "Encoding.encode,characters,1000"
    })
    void everyBenchmarkRuns(String benchmark, String parameter, String value) throws RunnerException {
        var results = once(benchmark, parameter, value);
        assertThat(results).hasSize(1);
        assertThat(results)
                .allSatisfy(result ->
                        assertThat(result.getPrimaryResult().getScore()).isPositive());
    }

    @Test
    void summaryTakesTheBestTurnOfEachAndTellsTheRatio() {
        var summary = PeerComparison.summary(List.of(
                new SpeedFigure(SpeedFigure.LOWRANK, 400, 500, 60),
                new SpeedFigure("transformers float32", 400, 600, 15),
                new SpeedFigure(SpeedFigure.LOWRANK, 400, 900, 50),
                new SpeedFigure("transformers float32", 400, 550, 20)));
        assertThat(summary)
                .contains("lowrank: prompt of 400 tokens, prefill 900.0, decode 60.0 tokens/s")
                .contains("transformers float32: prompt of 400 tokens, prefill 600.0, decode 20.0 tokens/s")
                .contains("prefill 1.50, decode 3.00")
                .doesNotContain("do not compare");
    }

    @Test
    void promptsOfDifferentLengthAreNotPassedOffAsComparable() {
        assertThat(PeerComparison.summary(List.of(
                        new SpeedFigure(SpeedFigure.LOWRANK, 401, 1, 1), new SpeedFigure("transformers x", 400, 1, 1))))
                .contains("do not compare");
    }

    @Test
    void peersLinesAreReadAndOthersLeftOut() {
        assertThat(TransformersPeer.parse("torch.bfloat16 prompt 512 prefill 530.2 decode 15.0 tokens/s"))
                .containsExactly(new SpeedFigure("transformers bfloat16", 512, 530.2, 15.0));
        assertThat(TransformersPeer.parse("Loading weights: 100%")).isEmpty();
    }

    @Test
    void missingArgumentsAreAnsweredWithTheUsage() {
        assertThatThrownBy(() -> PeerComparison.main(new String[] {"only-a-model"}))
                .hasMessageContaining("usage: bench/peer-transformers MODEL_FOLDER PROMPT_FILE");
    }
}
