package dev.lowrank.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Browser.NewContextOptions;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Page.ScreenshotOptions;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.ColorScheme;
import com.microsoft.playwright.options.ReducedMotion;
import dev.lowrank.app.Chromium;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The page at `/` in a browser. Pictures of it lie in `target/page-pictures`.
@Tag("browser")
class ChatPageBrowserTest {
    private static final Path PICTURES = Path.of("target", "page-pictures");

    @TempDir
    private static Path folder;

    private static TestServer server;
    private static Chromium browser;

    @BeforeAll
    static void start() throws Exception {
        browser = Chromium.start();
        server = TestServer.talking(folder);
    }

    @AfterAll
    static void stop() {
        if (server != null) {
            server.close();
        }
        if (browser != null) {
            browser.close();
        }
    }

    private static NewContextOptions window(int width, int height) {
        return new NewContextOptions().setViewportSize(width, height);
    }

    private static void choose(Page page, String first, String second) {
        page.waitForSelector("#panels .model");
        page.getByLabel("Model", new Page.GetByLabelOptions().setExact(true)).selectOption(first);
        page.getByLabel("Beside it").selectOption(second);
    }

    private static void settings(Page page, String label, String value) {
        var button = page.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName("Settings"));
        if (button.getAttribute("aria-expanded").equals("false")) {
            button.click();
        }
        page.getByLabel(label).fill(value);
        button.click();
    }

    private static void await(Page page, int answers) {
        page.waitForCondition(() -> page.locator(".theirs .took").count() == answers
                && page.locator(".writing").count() == 0
                && page.locator("#send").isVisible());
    }

    private static void picture(Page page, String name) {
        page.screenshot(new ScreenshotOptions().setPath(PICTURES.resolve(name + ".png")));
    }

    @Test
    void aMessageIsAnsweredPieceByPiece() {
        browser.visit(server.url(""), window(1000, 700), page -> {
            choose(page, "chat", "");
            settings(page, "Most tokens", "24");
            page.getByLabel("Message").fill("Open a <b>file</b>");
            page.keyboard().press("Enter");
            await(page, 1);
            assertThat(page.locator(".mine .said").textContent()).isEqualTo("Open a <b>file</b>");
            assertThat(page.locator(".theirs .said").textContent()).isNotBlank();
            assertThat(page.locator(".theirs .took").textContent()).contains("24 tokens", "tokens/s", "first after");
            assertThat(page.locator(".figures").textContent()).contains("11.0 MB");
            assertThat(page.locator("[role=status]").textContent()).contains("chat: 24 tokens");
            page.getByLabel("Message").fill("And close it");
            page.keyboard().press("Enter");
            await(page, 2);
            page.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName("New chat"))
                    .click();
            assertThat(page.locator(".turn").count()).isZero();
        });
    }

    @ParameterizedTest
    @CsvSource({
        "400, 800, LIGHT",
        "400, 800, DARK",
        "760, 900, LIGHT",
        "1100, 800, DARK",
        "1600, 1000, LIGHT",
        "1600, 1000, DARK"
    })
    void twoModelsAnswerSideBySide(int width, int height, ColorScheme scheme) {
        browser.visit(server.url(""), window(width, height).setColorScheme(scheme), page -> {
            choose(page, "chat", "pocket");
            settings(page, "Most tokens", "40");
            page.getByLabel("Message").fill("def read_config(path):\n    ");
            page.keyboard().press("Enter");
            await(page, 2);
            picture(page, "two-" + width + "-" + scheme.name().toLowerCase(java.util.Locale.ROOT));
            assertThat(page.locator(".model").count()).isEqualTo(2);
            assertThat(page.locator(".model").nth(1).locator(".figures").textContent())
                    .contains("×", "tokens/s", "11.0 MB");
            // A model without a chat template continues the text, and the page says so.
            assertThat(page.locator(".model").nth(1).locator(".took").textContent())
                    .contains("no chat template");
            assertThat(page.evaluate("document.documentElement.scrollWidth")).isEqualTo(width);
            assertThat(page.evaluate("document.documentElement.scrollHeight")).isEqualTo(height);
            assertInside(page.locator("#prompt"), width, height);
            assertInside(page.locator("#send"), width, height);
            assertThat((List<?>) weakContrasts(page)).isEmpty();
        });
    }

    private static void assertInside(Locator part, int width, int height) {
        var box = part.boundingBox();
        assertThat(box.x).isGreaterThanOrEqualTo(0);
        assertThat(box.x + box.width).isLessThanOrEqualTo(width);
        assertThat(box.y + box.height).isLessThanOrEqualTo(height);
    }

    /// Texts that stand out from their background by less than 4.5 to 1.
    private static Object weakContrasts(Page page) {
        return page.evaluate("""
                () => {
                  const part = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
                  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
                  const read = (color) => color.match(/[\\d.]+/g).map(Number);
                  const ground = (e) => {
                    for (; e; e = e.parentElement) {
                      const color = read(getComputedStyle(e).backgroundColor);
                      if (color.length < 4 || color[3] > 0) return color;
                    }
                    return [255, 255, 255];
                  };
                  return [...document.querySelectorAll("body *")]
                    .filter((e) => e.checkVisibility() && !e.classList.contains("unseen")
                      && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
                    .map((e) => {
                      const [a, b] = [light(read(getComputedStyle(e).color)), light(ground(e))];
                      return [e.tagName + "." + e.className, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
                    })
                    .filter(([, ratio]) => ratio < 4.5);
                }""");
    }

    @Test
    void everythingHasANameAndIsReachedByKeys() {
        browser.visit(server.url(""), window(900, 700), page -> {
            choose(page, "chat", "pocket");
            page.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName("Settings"))
                    .focus();
            page.keyboard().press("Enter");
            picture(page, "settings");
            var unnamed = page.evaluate("""
                    () => [...document.querySelectorAll("input, select, textarea, button")]
                      .filter((e) => !(e.labels?.length || e.textContent.trim() || e.getAttribute("aria-label")))
                      .map((e) => e.id)""");
            assertThat((List<?>) unnamed).isEmpty();
            for (var label : List.of("Instructions", "Temperature", "Most tokens", "API key")) {
                page.keyboard().press("Tab");
                if (label.equals("Instructions")) {
                    // New chat stands between the button and what it opens.
                    page.keyboard().press("Tab");
                }
                assertThat(page.getByLabel(label).evaluate("e => e === document.activeElement"))
                        .as(label)
                        .isEqualTo(true);
            }
        });
    }

    @Test
    void anAnswerCanBeStopped() {
        var options = window(700, 700).setReducedMotion(ReducedMotion.REDUCE);
        browser.visit(server.url(""), options, page -> {
            choose(page, "chat", "");
            settings(page, "Most tokens", "900");
            page.getByLabel("Message").fill("Count");
            page.keyboard().press("Enter");
            page.waitForCondition(
                    () -> page.locator(".theirs .said").textContent().length() > 10);
            assertThat(page.locator(".writing").evaluate("e => getComputedStyle(e, '::after').animationName"))
                    .isEqualTo("none");
            page.keyboard().press("Escape");
            await(page, 1);
            assertThat(page.locator(".took").textContent()).isEqualTo("Stopped.");
        });
    }

    @Test
    void aKeyIsAskedForWhereTheServerWantsOne() {
        var setup = new TestServer.Setup();
        setup.keys = List.of("a-key-of-the-test");
        try (var locked = TestServer.start(setup)) {
            browser.visit(locked.url(""), window(900, 700), page -> {
                page.waitForSelector("#notice:not([hidden])");
                assertThat(page.locator("#notice").textContent()).contains("key");
                assertThat(page.getByLabel("API key").evaluate("e => e === document.activeElement"))
                        .isEqualTo(true);
                page.keyboard().type("a-key-of-the-test");
                page.keyboard().press("Tab");
                page.waitForSelector("#panels .model");
                assertThat(page.locator("#notice").isVisible()).isFalse();
            });
        }
    }
}
