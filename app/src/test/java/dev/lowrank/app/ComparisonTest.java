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
                method,
                "factored",
                "uniform",
                "none",
                0.5,
                0.5,
                0.6,
                bytes / 2,
                bytes,
                figures,
                null,
                null,
                1.5,
                null,
                null);
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
    void aSizeSaysWhatFitsWhatIsOnTheFrontAndWhatIsBest() {
        var rows = List.of(
                row("large", 11, 4, 150),
                row("fits", 13, 4, 100),
                row("beaten", 14, 4, 100),
                row("small", 20, 4, 60),
                row("twin", 20, 4, 60));
        var found = new Comparison(row("dense", 10, 4, 200), rows, 0, List.of(), List.of(), null).within(100);
        assertThat(found.all().stream().map(Comparison.Row::fits))
                .containsExactly(false, false, true, true, true, true);
        assertThat(found.all().stream().map(Comparison.Row::front))
                .containsExactly(true, true, true, false, true, true);
        assertThat(found.winner().method()).isEqualTo("fits");
        assertThat(found.rule()).contains("of those that fit");
        assertThat(ComparisonReport.table(found).lines().toList())
                .anyMatch(line -> line.contains("large") && line.endsWith("front, too large"))
                .anyMatch(line -> line.contains("fits") && line.endsWith("best, front"));
        assertThat(ComparisonReport.csv(found).lines().toList())
                .anyMatch(line -> line.endsWith(",seconds,fits,front"))
                .anyMatch(line -> line.startsWith("beaten") && line.endsWith(",true,false"));
        var none = new Comparison(row("dense", 10, 4, 200), rows, 1, List.of(), List.of(), null).within(10);
        assertThat(none.winner().method()).as("where nothing fits").isEqualTo("fits");
    }

    @Test
    void csvQuotesWhatHoldsACommaAndLeavesUnmeasuredSpeedEmpty() {
        var comparison = new Comparison(
                row("dense", 10, 4, 200), List.of(row("svd", 20, 5, 100)), 0, List.of(), List.of(), null);
        assertThat(ComparisonReport.csv(comparison).lines())
                .containsExactly(
                        "method,storage,allocator,update,keep,kept_target,kept_model,parameters,bytes,\"perplexity a, b.txt\","
                                + "perplexity c.txt,prefill_tokens_per_second,decode_tokens_per_second,seconds",
                        "dense,factored,uniform,none,0.5,0.5,0.6,100,200,10.0,4.0,,,1.500",
                        "svd,factored,uniform,none,0.5,0.5,0.6,50,100,20.0,5.0,,,1.500");
    }
}
