package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Page;
import com.microsoft.playwright.Page.EmulateMediaOptions;
import com.microsoft.playwright.Page.ScreenshotOptions;
import com.microsoft.playwright.options.ColorScheme;
import com.microsoft.playwright.options.Media;
import dev.lowrank.app.report.Report;
import dev.lowrank.app.report.Trade;
import dev.lowrank.app.report.Trade.Configuration;
import dev.lowrank.app.report.Trade.Measure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Pages of every command, looked at in a browser. Pictures of them lie in `target/report-pictures`.
@Tag("browser")
class ReportBrowserTest {
    private static final String POCKET = Run.ROOT.resolve("models/pocket").toString();
    private static final Path TEXTS = Path.of(POCKET, "text");
    private static final List<String> CALIBRATION =
            List.of("--calibration=" + TEXTS.resolve("python-calibration.jsonl"), "--samples=4", "--window=64");
    /// Pixels across a sheet of A4 without its margins.
    private static final int A4 = 718;
    private static final Path PICTURES = Path.of("target", "report-pictures");

    @TempDir
    private static Path folder;

    private static Chromium browser;
    private static JsonNode compressed;

    @BeforeAll
    static void makePages() throws IOException {
        browser = Chromium.start();
        Files.createDirectories(PICTURES);
        var prose = Files.readString(TEXTS.resolve("python-evaluation.jsonl"))
                .lines()
                .limit(2)
                .toList();
        var check = Files.write(folder.resolve("check.jsonl"), prose);
        compressed = run(
                CALIBRATION, "compress", "--keep=0.6", "--check=" + check, "--output=" + folder.resolve("compress"));
        var training = folder.resolve("training.jsonl");
        var lines = Files.readAllLines(TEXTS.resolve("python-calibration.jsonl"));
        Files.write(training, lines.subList(0, 1));
        var validation = Files.write(folder.resolve("validation.jsonl"), lines.subList(1, 2));
        run(
                List.of("--window=64", "--batch=2", "--steps=6", "--rounds=2", "--validation-windows=2"),
                "recover",
                folder.resolve("compress").toString(),
                "--text=" + training,
                "--validation=" + validation,
                "--output=" + folder.resolve("recover"));
        run(
                CALIBRATION,
                "compare",
                "--methods=svd,svd-llm",
                "--keep=0.5,0.8",
                "--text=" + check,
                "--prompt-tokens=8",
                "--decode-tokens=4",
                "--report=" + folder.resolve("compare.html"));
        var small = folder.resolve("pocket-q4.gguf").toString();
        run(List.of(), "export", "--gguf=" + small, "--type=q4_0", POCKET);
        run(
                List.of("--batch=1,4", "--rounds=1", "--html=" + folder.resolve("bench.html")),
                "bench",
                "--prompt-tokens=16",
                "--decode-tokens=4",
                POCKET,
                small);
        Files.write(folder.resolve("explore.html"), dev.lowrank.app.report.Page.of(explored()));
    }

    @AfterAll
    static void close() {
        if (browser != null) {
            browser.close();
        }
    }

    private static JsonNode run(List<String> more, String... arguments) {
        var all = new ArrayList<>(List.of(arguments));
        all.addAll(more);
        all.add("--json");
        var run = Run.of(all.toArray(String[]::new));
        assertThat(run.code()).as(run.err()).isZero();
        return JsonMapper.builder().build().readTree(run.out());
    }

    private static Report explored() {
        var configurations = new ArrayList<Configuration>();
        configurations.add(configuration("dense", 540, 0.62, true));
        for (var i = 1; i <= 24; i++) {
            configurations.add(configuration("rank " + 8 * i, 200 + 13.0 * i, 0.3 + 0.012 * i + 0.02 * (i % 5), false));
        }
        var measures = List.of(
                Measure.cost("bytes", "bytes of weights", "bytes"),
                Measure.gain("accuracy", "accuracy, ARC-Easy, 200 documents", "share"),
                Measure.cost("latency", "latency of a token", "seconds"));
        return Report.explored(
                "model",
                "25 configurations of a space of 2^39.",
                "test",
                "lowrank explore model",
                List.of(),
                new Trade(measures, configurations),
                List.of(),
                List.of(),
                null);
    }

    private static Configuration configuration(String name, double megabytes, double accuracy, boolean reference) {
        return new Configuration(
                name,
                Map.of("bytes", megabytes * 1e6, "accuracy", accuracy, "latency", megabytes / 2e4),
                Map.of("accuracy", 0.034),
                false,
                reference,
                Map.of("layers", "2-5"));
    }

    private static Path page(String kind) {
        var inside = folder.resolve(kind).resolve("report.html");
        return Files.exists(inside) ? inside : folder.resolve(kind + ".html");
    }

    @ParameterizedTest
    @ValueSource(strings = {"compress", "recover", "compare", "explore", "bench"})
    void everyPageIsLegibleOnNarrowAndWideScreensAndOnPaper(String kind) throws IOException {
        assertThat(Files.size(page(kind))).isLessThan(1_000_000);
        for (var width : List.of(400, 1600)) {
            browser.open(page(kind), width, page -> {
                fits(page, kind + "-" + width);
                page.emulateMedia(new EmulateMediaOptions().setColorScheme(ColorScheme.DARK));
                assertThat(paper(page)).isLessThan(60);
                fits(page, kind + "-" + width + "-dark");
            });
        }
        browser.open(page(kind), A4, page -> {
            page.emulateMedia(new EmulateMediaOptions().setMedia(Media.PRINT).setColorScheme(ColorScheme.DARK));
            assertThat(paper(page)).isEqualTo(255);
            fits(page, kind + "-print");
        });
    }

    /// No text smaller than 11 pixels, nothing beyond the right edge, one main heading.
    private static void fits(Page page, String name) {
        page.screenshot(new ScreenshotOptions().setFullPage(true).setPath(PICTURES.resolve(name + ".png")));
        assertThat(number(page, "document.documentElement.scrollWidth - document.documentElement.clientWidth"))
                .as(name)
                .isZero();
        assertThat(number(page, "document.querySelectorAll('h1').length")).isOne();
        assertThat(number(
                        page,
                        "Math.min(...[...document.querySelectorAll('main *')].filter(e => e.textContent.trim()"
                                + " && e.getClientRects().length).map(e => parseFloat(getComputedStyle(e).fontSize)))"))
                .as(name)
                .isGreaterThanOrEqualTo(11);
    }

    /// Red of the page's background.
    private static int paper(Page page) {
        var colour = (String) page.evaluate("getComputedStyle(document.body).backgroundColor");
        return Integer.parseInt(colour.replaceAll("rgba?\\((\\d+).*", "$1"));
    }

    private static double number(Page page, String script) {
        return ((Number) page.evaluate(script)).doubleValue();
    }

    @Test
    void thePagesPlanIsOursAtThreeBudgets() {
        var plans = Map.of(
                0.6,
                compressed,
                0.35,
                run(CALIBRATION, "plan", "--curves", "--keep=0.35", "--output=" + folder.resolve("plan-35")),
                0.85,
                run(CALIBRATION, "plan", "--curves", "--keep=0.85", "--output=" + folder.resolve("plan-85")));
        for (var made : List.of("compress", "plan-35", "plan-85")) {
            browser.open(page(made), 1000, page -> plans.forEach((keep, ours) -> same(page, keep, ours)));
        }
    }

    private static void same(Page page, double keep, JsonNode ours) {
        var plan = JsonMapper.builder().build().readTree((String)
                page.evaluate("keep => JSON.stringify(planAt(keep))", keep));
        assertThat(sites(plan)).as("keep " + keep).isEqualTo(sites(ours)).hasSize(42);
        assertThat(plan.path("parameters").asLong())
                .isEqualTo(ours.path("parameters_after").asLong());
        assertThat(plan.path("command").asString())
                .contains("--keep " + keep)
                .startsWith("lowrank compress pocket --method lowrank ");
    }

    private static List<String> sites(JsonNode plan) {
        return plan.path("sites")
                .valueStream()
                .map(site -> site.path("name").asString() + " "
                        + site.path("form").asString() + " " + site.path("rank").asInt())
                .toList();
    }

    @Test
    void theBudgetIsDraggedByKeyboardToo() {
        browser.open(page("compress"), 1000, page -> {
            var command = page.locator("#budget .command");
            assertThat(command.textContent()).contains("--keep 0.6 ");
            var before = page.locator("#budget .heat").textContent();
            var slider = page.getByLabel("Share of the target linears' numbers that stays");
            slider.focus();
            for (var i = 0; i < 100; i++) {
                page.keyboard().press("ArrowLeft");
            }
            assertThat(command.textContent()).contains("--keep 0.5 ");
            assertThat(slider.getAttribute("aria-valuetext")).contains("50.0");
            assertThat(page.locator("#budget .heat").textContent()).isNotEqualTo(before);
            var ranks =
                    (String) page.evaluate("planAt(0.5).sites.map(s => s.form === 'dense' ? 'dense' : s.rank).join()");
            var shown = (String) page.evaluate(
                    "[...document.querySelectorAll('#budget .heat td')].map(c => c.textContent)" + ".join()");
            assertThat(shown).isEqualTo(ranks);
            page.screenshot(new ScreenshotOptions().setFullPage(true).setPath(PICTURES.resolve("budget.png")));
        });
    }

    @Test
    void theReaderChoosesWhatIsAcrossAndUp() {
        browser.open(page("explore"), 1000, page -> {
            var before = Objects.requireNonNull(page.locator("#trade svg").innerHTML());
            page.getByLabel("Up").selectOption("2");
            assertThat(page.locator("#trade svg").innerHTML())
                    .isNotEqualTo(before)
                    .contains("latency of a token");
        });
    }

    @Test
    void theFolderIsIntactAndTheSameRunMakesTheSamePage() throws IOException {
        var again = folder.resolve("again");
        var check = folder.resolve("check.jsonl");
        run(CALIBRATION, "compress", "--keep=0.6", "--check=" + check, "--output=" + again);
        assertThat(Files.readAllBytes(again.resolve("report.html"))).isEqualTo(Files.readAllBytes(page("compress")));
        for (var made : Stream.of("compress", "recover", "again").toList()) {
            var verified = Run.of("verify", folder.resolve(made).toString());
            assertThat(verified.code()).isZero();
            assertThat(verified.out()).contains("report.html");
        }
    }
}
