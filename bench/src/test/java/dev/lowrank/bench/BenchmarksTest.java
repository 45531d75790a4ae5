package dev.lowrank.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Collection;
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
}
