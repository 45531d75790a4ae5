package dev.lowrank.app.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.app.report.Trade.Configuration;
import dev.lowrank.app.report.Trade.Measure;
import dev.lowrank.compress.allocate.BudgetCurves;
import dev.lowrank.compress.allocate.CostUnit;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class PageTest {
    private static final String HOSTILE = "</script><script>alert(1)</script><!-- @data@ \u2028 & 'quoted'";

    @Test
    void textCannotLeaveTheData() {
        var report = Report.of("compare", HOSTILE, HOSTILE, "1");
        var page = text(report);
        assertThat(page).doesNotContain("<script>alert").doesNotContain("<!-- @data@");
        assertThat(page.split("</script>", -1)).hasSize(3); // data and code, nothing else
        assertThat(data(report).path("title").asString()).isEqualTo(HOSTILE);
    }

    @Test
    void thePageNamesNothingToFetch() {
        assertThat(text(Report.of("plan", "model", "lead", "1")))
                .contains("default-src 'none'")
                .doesNotContain("src=")
                .doesNotContain("@import")
                .doesNotContain("url(")
                .doesNotContain("https://");
    }

    @Test
    void theSameReportIsTheSameBytes() {
        var report = Report.of("plan", "model", "lead", "1");
        assertThat(Page.of(report)).isEqualTo(Page.of(report));
    }

    @Test
    void sectionsWithoutContentAreNotInTheData() {
        assertThat(data(Report.of("plan", "model", "lead", "1")).propertyNames())
                .containsExactly("kind", "title", "lead", "version");
    }

    @Test
    void fewCurvesAreStoredExactly() {
        var losses = new double[] {2, 1.0 / 3, 0.1, 1e-17, 0};
        var budget = budget(curves(losses, 1, 1));
        assertThat(budget.wide()).isTrue();
        assertThat(budget.thinned()).isFalse();
        var buffer = ByteBuffer.wrap(
                        Base64.getDecoder().decode(budget.sites().getFirst().losses()))
                .order(ByteOrder.LITTLE_ENDIAN)
                .asDoubleBuffer();
        for (var rank = 1; rank <= 4; rank++) {
            assertThat(buffer.get()).isEqualTo(losses[rank]);
        }
        assertThat(buffer.get()).as("dense").isZero();
        assertThat(buffer.hasRemaining()).isFalse();
    }

    @Test
    void manyCurvesAreThinnedToMultiplesThatTheCommandAsksFor() {
        var losses = new double[4097];
        for (var i = 0; i < losses.length; i++) {
            losses[i] = 4096 - i;
        }
        var budget = budget(curves(losses, 1, 64));
        assertThat(budget.wide()).isFalse();
        assertThat(budget.thinned()).isTrue();
        assertThat(budget.rankMultiple()).isEqualTo(4);
        assertThat(budget.command()).containsSequence("--rank-multiple", "4");
        var buffer = ByteBuffer.wrap(
                        Base64.getDecoder().decode(budget.sites().getFirst().losses()))
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer();
        assertThat(buffer.get(0)).isEqualTo(4092);
        assertThat(buffer.get(1)).isEqualTo(4088);
        assertThat(buffer.get(buffer.limit() - 1)).isZero();
        var report = Report.of("plan", "model", "lead", "1");
        var page = Page.of(new Report(
                "plan",
                "model",
                "lead",
                "1",
                null,
                report.figures(),
                null,
                null,
                budget,
                List.of(),
                List.of(),
                null,
                List.of(),
                List.of(),
                null));
        assertThat(page.length).isLessThan(1_000_000);
    }

    @Test
    void configurationsThatWereNotMeasuredInAMeasureLeaveItOut() {
        var configuration =
                new Configuration("a", Map.of("bytes", 3.0), Map.of(), true, false, Map.of("layers", "1-3"));
        var trade = new Trade(
                List.of(Measure.cost("bytes", "bytes", "bytes"), Measure.gain("accuracy", "accuracy", "share")),
                List.of(configuration));
        var node = JsonMapper.builder().build().valueToTree(trade);
        assertThat(node.path("configurations").get(0).path("values").propertyNames())
                .containsExactly("bytes");
        assertThat(node.path("configurations").get(0).has("errors")).isFalse();
    }

    private static BudgetCurves curves(double[] losses, int multiple, int count) {
        var sites = new ArrayList<BudgetCurves.Site>();
        for (var i = 0; i < count; i++) {
            sites.add(new BudgetCurves.Site("s" + i, i, "q", 4096, 4096, 2, false, false, losses));
        }
        return new BudgetCurves(CostUnit.PARAMETERS, multiple, 8, 0, List.of("pivoted", "factored"), sites);
    }

    private static Budget budget(BudgetCurves curves) {
        return Budget.of(
                curves,
                0.8,
                new Budget.Rest(0, 0, 0),
                List.of("lowrank", "compress", "m", "--keep", "{keep}", "--rank-multiple", "1"),
                null);
    }

    private static String text(Report report) {
        return new String(Page.of(report), StandardCharsets.UTF_8);
    }

    private static JsonNode data(Report report) {
        var page = text(report);
        var start = page.indexOf("id=\"data\">") + "id=\"data\">".length();
        return JsonMapper.builder().build().readTree(page.substring(start, page.indexOf("</script>", start)));
    }
}
