package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ComparisonTest {
    private static Comparison.Row row(String method, double first, double second, long bytes) {
        var figures = List.of(
                new Measurement.TextFigure("a, b.txt", 8, 2, 14, first, null),
                new Measurement.TextFigure("c.txt", 8, 2, 14, second, null));
        return new Comparison.Row(
                method, "factored", "uniform", "none", 0.5, 0.5, 0.6, bytes / 2, bytes, figures, null, null, 1.5);
    }

    @Test
    void theFirstTextDecides() {
        assertThat(Comparison.best(List.of(row("svd", 20, 5, 100), row("asvd", 19, 50, 100))))
                .isEqualTo(1);
    }

    @Test
    void amongEqualsTheSmallerAndThenTheFirstWins() {
        assertThat(Comparison.best(List.of(row("svd", 20, 5, 100), row("asvd", 20, 5, 90), row("lord", 20, 5, 90))))
                .isEqualTo(1);
    }

    @Test
    void csvQuotesWhatHoldsACommaAndLeavesUnmeasuredSpeedEmpty() {
        var comparison =
                new Comparison(row("dense", 10, 4, 200), List.of(row("svd", 20, 5, 100)), 0, List.of(), List.of());
        assertThat(ComparisonReport.csv(comparison).lines())
                .containsExactly(
                        "method,storage,allocator,update,keep,kept_target,kept_model,parameters,bytes,\"perplexity a, b.txt\","
                                + "perplexity c.txt,prefill_tokens_per_second,decode_tokens_per_second,seconds",
                        "dense,factored,uniform,none,0.5,0.5,0.6,100,200,10.0,4.0,,,1.500",
                        "svd,factored,uniform,none,0.5,0.5,0.6,50,100,20.0,5.0,,,1.500");
    }
}
